"""``python -m benchmarks setup``, ``run`` or ``report``."""

from __future__ import annotations

import sys

USAGE = """\
python -m benchmarks setup    make an environment for each contender
python -m benchmarks run      measure, and keep raw results
python -m benchmarks report   write docs/benchmarks.md from raw results
Each has --help."""


def main(arguments: list[str]) -> int:
    """Hand over to one of the three."""
    match arguments:
        case ["setup", *rest]:
            from benchmarks import setup

            return setup.main(rest)
        case ["run", *rest]:
            from benchmarks import run

            return run.main(rest)
        case ["report", *rest]:
            from benchmarks import report

            return report.main(rest)
        case _:
            print(USAGE, file=sys.stderr)
            return 0 if arguments in (["-h"], ["--help"]) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
