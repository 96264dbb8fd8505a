"""The fuzzer from the command line; see the package."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from fuzz.generate import generated
from fuzz.programs import loaded
from fuzz.runner import FINE, smallest, tried, warm


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("files", nargs="*", help="programs to run, instead of random ones")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=10**9)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="when to stop")
    parser.add_argument("--seed", type=int, help="print the program of this seed, and run it")
    parser.add_argument("--keep", type=Path, help="a folder for what fails, made smaller")
    parser.add_argument("--whole", action="store_true", help="do not make it smaller")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    if options.files:
        programs = ((Path(name).stem, loaded(Path(name).read_text())) for name in options.files)
    elif options.seed is not None:
        programs = iter([(str(options.seed), generated(options.seed))])
        print(generated(options.seed).json())
    else:
        numbers = range(options.start, options.start + options.count)
        programs = ((str(seed), generated(seed)) for seed in numbers)
    warm()
    counts: Counter[str] = Counter()
    for number, (name, program) in enumerate(programs):
        text = tried(program, threads=2 if number % 4 == 0 else 0, fork=number % 16 == 0)
        counts[text if text in FINE else "failed"] += 1
        if text not in FINE:
            program = program if options.whole else smallest(program, text)
            program = replace(program, note=f"{name}: {text}")
            print(f"{name} failed: {text}\n{program.json()}", flush=True)
            if options.keep:
                (options.keep / f"{name}.json").write_text(program.json())
        if number % 500 == 499:
            print(f"after {name}: {dict(counts)}", flush=True)
        if time.monotonic() > end:
            break
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()), flush=True)
    return 1 if counts["failed"] or not counts["passed"] else 0


sys.exit(main())
