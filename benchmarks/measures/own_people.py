"""Networks that name people they were trained on, beside scikit-learn's published example."""

from __future__ import annotations

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender
from benchmarks.data import Data
from benchmarks.figures import Figure, Unit
from benchmarks.records import Measured
from benchmarks.training import PEOPLE, dataset, spread, trained

NAME = "own-people"
OURS, THEIRS = Contender.FACESEARCH, Contender.SCIKIT_LEARN
CONVNET, MOBILENET = "convnet", "mobilenet"
AS_PUBLISHED, ALIGNED = "as the example loads them", "aligned chips"
FLOOR = 0.99
LIMITS = {MOBILENET: ("top_epochs", "joint_epochs")}


def run(bench: Bench) -> None:
    """Every recipe and the example with every seed."""
    chips = {
        CONVNET: dataset(bench, "people-128", "--size", "128", *PEOPLE),
        MOBILENET: dataset(bench, "people-150", "--size", "150", "--template", "dlib", *PEOPLE),
    }
    settings = {CONVNET: (), MOBILENET: ("--base", "dlib-resnet34")}
    arrays = bench.work / "people.npy"
    with bench.worker(OURS, "own_networks.py") as worker:
        worker.call("save_chips", dataset=str(chips[CONVNET]), out=str(arrays))
    with bench.worker(THEIRS) as worker:
        listed = {"listed": str(chips[CONVNET] / "chips.csv"), "photos": str(bench.data.lfw_folder)}
        worker.call("load_people", **listed, chips=str(arrays))
        for seed in range(bench.effort.training_seeds):
            for kind in (AS_PUBLISHED, ALIGNED):
                values = worker.call("name_people", kind=kind, seed=seed)
                bench.note(NAME, THEIRS, values, way=kind, repetition=seed)
            for recipe, given in settings.items():
                run_name = f"{recipe}-{seed}"
                arguments = (*given, "--seed", str(seed))
                limits = LIMITS.get(recipe, ("epochs",))
                values = trained(bench, recipe, chips[recipe], run_name, arguments, limits)
                bench.note(NAME, OURS, values, way=recipe, repetition=seed)


def figures(measured: Measured) -> list[Figure]:
    """Each recipe beside what it has to beat."""

    def shares(contender: str, way: str) -> list[float]:
        return [sample.values["accuracy"] for sample in measured.of(contender, way=way)]

    published, aligned = shares(THEIRS, AS_PUBLISHED), shares(THEIRS, ALIGNED)
    count = measured.of(OURS, way=CONVNET)[0].values["photos"]
    what = f"7 people of LFW, {count} photos never seen, {{}}, {len(published)} seeds"
    beside = "scikit-learn 1.9.1, eigenfaces and SVM, "
    found = []
    for recipe, against, theirs, limit in (
        (CONVNET, beside + "as published", published, _mean(published)),
        (CONVNET, beside + "on the same aligned chips", aligned, None),
        (f"{MOBILENET} on dlib-resnet34", "facesearch, convnet", shares(OURS, CONVNET), FLOOR),
    ):
        samples = measured.of(OURS, way=recipe.partition(" ")[0].rstrip(","))
        own = [sample.values["accuracy"] for sample in samples]
        epochs = [str(sample.values["epochs"]) for sample in samples]
        minutes = [f"{sample.values['training_seconds'] / 60:.0f}" for sample in samples]
        found.append(
            Figure(
                what=what.format(recipe),
                ours=spread(own),
                against=against,
                theirs=spread(theirs),
                value=_mean(own),
                unit=Unit.PERCENT,
                limit=None if limit is None else round(limit, 4),
                spread=(min(own), max(own)),
                note=f"{', '.join(epochs)} epochs in {', '.join(minutes)} minutes.",
            )
        )
    return found


def _mean(shares: list[float]) -> float:
    return sum(shares) / len(shares)


MEASURE = Measure(
    name=NAME,
    title="Networks of one's own: people they know",
    method=(
        "The seven people of LFW with at least 70 photos. 60 % of each one's photos are trained "
        "on, 10 % say when to stop, and the 30 % that are judged were never seen before. "
        "scikit-learn's [example](https://scikit-learn.org/stable/auto_examples/applications/"
        "plot_face_recognition.html) is trained on the 70 %; once with photos cut as its loader "
        "cuts them, once with facesearch's aligned chips, which it has no means to make. Recipes "
        "have their default settings."
    ),
    contenders=(OURS, THEIRS),
    missing=needs(LFW=Data.lfw),
    run=run,
    figures=figures,
)
