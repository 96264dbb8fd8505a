"""The lecture."""


def main() -> None:
    """Run the lecture."""


if __name__ == "__main__":
    main()
