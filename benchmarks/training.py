"""Networks that are trained for a measure: by the facesearch command, as a user would.

Comes in: photos and settings. Goes out: folders of datasets and of runs, and what a run's report
says. Training takes long and ends with the same weights each time, so runs are kept in the cache,
and one that was interrupted goes on: delete the folder to train anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.contenders import Contender, facesearch_command
from benchmarks.processes import BenchmarkError, Finished, run_process
from benchmarks.records import Values

OURS = Contender.FACESEARCH
# Trained on, to stop by, judged by: no photo of the last was seen before.
PEOPLE = ("--min-photos", "70", "--fractions", "0.6,0.1,0.3")


def facesearch(
    bench: Bench, *arguments: str, kill_when: Callable[[], bool] | None = None
) -> Finished:
    """Run the facesearch command in the environment that is measured.

    Args:
        kill_when: as in `processes.run_process`.
    """
    command = facesearch_command(bench.environments.python(OURS))
    return run_process([*command, *arguments], bench.environment(OURS), kill_when=kill_when)


def dataset(bench: Bench, name: str, *arguments: str) -> Path:
    """A dataset from the photos of LFW; made once."""
    folder = kept(bench, name)
    photos = ("--from-folders", str(bench.data.lfw_folder))
    facesearch(bench, "dataset", "make", str(folder), *photos, *arguments)
    return folder


def trained(
    bench: Bench,
    recipe: str,
    chips: Path,
    name: str,
    settings: Sequence[str] = (),
    limits: Sequence[str] = ("epochs",),
) -> Values:
    """Train a network, or go on with it; what its report says of photos it never saw.

    Args:
        limits: settings that say how many epochs there are.

    Returns:
        `run`, its name, for `kept`, `epochs` and `training_seconds`; where it names people, how
        many `photos` it was asked to, and its `accuracy`.
    """
    limit = bench.effort.training_epochs
    run = kept(bench, f"{name}-{limit}-epochs" if limit else name)
    limited = [part for name in limits for part in ("--set", f"{name}={limit}") if limit]
    resumed = ("--resume",) if run.exists() else ()
    bench.say(f"  training {name}")
    how = (*settings, *limited, *resumed)
    facesearch(bench, "train", recipe, str(chips), "--out", str(run), *how)
    # The page is of no interest here; the report is measured by the same network as it.
    page = bench.work / f"{run.name}.html"
    told = facesearch(bench, "train", "report", str(run), "--output", str(page), "--json")
    measured = json.loads(told.output.splitlines()[-1])["measured"]
    state = json.loads((run / "state.json").read_text(encoding="utf-8"))
    values: Values = {"run": run.name, "epochs": state["epoch"]}
    values["training_seconds"] = state["seconds"]
    if measured["naming"] is not None:
        if measured["split"] != "test":
            raise BenchmarkError(f"{run} was judged by photos that it was stopped by")
        named, truth = measured["naming"]["named"], measured["naming"]["truth"]
        right = sum(a == b for a, b in zip(named, truth, strict=True))
        values |= {"photos": len(truth), "accuracy": right / len(truth)}
    return values


def kept(bench: Bench, name: str) -> Path:
    """Where a dataset or a run of that name is kept."""
    folder = bench.cache / "training"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def spread(samples: Sequence[float]) -> str:
    """Mean, smallest and largest share, as percentages."""
    mean = sum(samples) / len(samples)
    return f"{mean * 100:.1f} % ({min(samples) * 100:.1f} to {max(samples) * 100:.1f})"
