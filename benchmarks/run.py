"""Measures facesearch and the other packages side by side, and keeps the raw results.

``python -m benchmarks run --data DIR [--only NAME ...] [--quick] [--env NAME=PYTHON ...]``
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench import QUICK, Bench, Effort, Measure
from benchmarks.contenders import ROOT, Contender, Environments, check_is_checkout
from benchmarks.data import HOW_TO_GET_IT, Data
from benchmarks.machine import commit, describe_machine
from benchmarks.measures import MEASURES
from benchmarks.processes import HERE, BenchmarkError
from benchmarks.records import Recorder
from benchmarks.setup import DEFAULT_ENVS

DEFAULT_RESULTS = HERE / "results"
DEFAULT_CACHE = HERE / ".cache"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [measure.name for measure in MEASURES]
    parser.add_argument("--data", type=Path, help="the folder with lfw/ and albums/")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument(
        "--quick", action="store_true", help="a few photos each; shows that everything works"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="change how much is measured: "
        + ", ".join(f"{field.name}={field.default}" for field in dataclasses.fields(Effort)),
    )
    parser.add_argument(
        "--limit-folds", type=int, metavar="N", help="folds of LFW; the same as --set folds=N"
    )
    parser.add_argument("--envs", type=Path, default=DEFAULT_ENVS, help="what setup has made")
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help="an interpreter for one contender, instead of setup's",
    )
    parser.add_argument("--results", type=Path, default=DEFAULT_RESULTS)
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="contenders' encodings")
    parser.add_argument("--work", type=Path, help="where to make the temporary folder")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; 1 where a measure failed, 2 on wrong usage."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.data is None:
        print(HOW_TO_GET_IT, file=sys.stderr)
        return 2
    try:
        environments = Environments.find(chosen.envs, _given(chosen.env))
        effort = _effort(QUICK if chosen.quick else Effort(), chosen.set, chosen.limit_folds)
    except ValueError as error:
        parser.error(str(error))
    recorder = Recorder(
        chosen.results,
        quick=chosen.quick,
        commit=commit(ROOT),
        effort=dataclasses.asdict(effort),
        machine=describe_machine(),
    )
    wanted = [m for m in MEASURES if chosen.only is None or m.name in chosen.only]
    with tempfile.TemporaryDirectory(prefix="facesearch-bench-", dir=chosen.work) as work:
        bench = Bench(
            environments=environments,
            data=Data(chosen.data.resolve()),
            effort=effort,
            recorder=recorder,
            work=Path(work).resolve(),
            cache=chosen.cache.resolve(),
            say=_say,
        )
        failed = [measure.name for measure in wanted if not _measure(bench, measure)]
    _say(f"raw results: {recorder.path}")
    if failed:
        _say(f"not measured: {', '.join(failed)}")
    return 1 if failed else 0


def _measure(bench: Bench, measure: Measure) -> bool:
    """Make one measure; True where it came to its end."""
    reason = measure.missing(bench.data)
    if reason:
        _say(f"{measure.name}: left out, {reason}")
        return False
    _say(f"{measure.name} ...")
    began = time.monotonic()
    try:
        for contender in measure.contenders:
            python = bench.environments.python(contender)
            if contender is Contender.FACESEARCH:
                check_is_checkout(python)
            bench.versions(contender)
        bench.started(measure.name)
        measure.run(bench)
    except BenchmarkError as error:
        _say(f"{measure.name}: {error}")
        return False
    except Exception:  # noqa: BLE001 - a slip in one measure must not cost the others
        _say(f"{measure.name}: {traceback.format_exc()}")
        return False
    bench.finished(measure.name)
    _say(f"{measure.name}: done in {time.monotonic() - began:.0f} s")
    return True


def _given(settings: Sequence[str]) -> dict[Contender, Path]:
    """NAME=PYTHON settings.

    Raises:
        ValueError: not of that form, no such contender, no such file.
    """
    given = {}
    for setting in settings:
        name, _, python = setting.partition("=")
        path = Path(python)
        if not python or not path.exists():
            raise ValueError(f"--env wants NAME=PYTHON with an interpreter that exists: {setting}")
        given[Contender(name)] = path
    return given


def _effort(effort: Effort, settings: Sequence[str], folds: int | None) -> Effort:
    """The effort with NAME=NUMBER settings.

    Raises:
        ValueError: not of that form, or no such name.
    """
    names = {field.name for field in dataclasses.fields(Effort)}
    changes = {} if folds is None else {"folds": folds}
    for setting in settings:
        name, _, number = setting.partition("=")
        if name not in names:
            raise ValueError(f"--set knows {', '.join(sorted(names))}, not {name!r}")
        changes[name] = int(number)
    return dataclasses.replace(effort, **changes)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
