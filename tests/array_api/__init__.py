"""The Python array API standard, v2024.12: what it says, as data, and whether it holds here."""
