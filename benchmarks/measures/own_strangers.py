"""A siamese network, judged by people it was not trained on, and searched with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender
from benchmarks.data import Data, sample
from benchmarks.figures import Figure, Unit
from benchmarks.records import Measured, Values
from benchmarks.training import dataset, facesearch, kept, spread, trained

NAME = "own-strangers"
OURS, THEIRS = Contender.FACESEARCH, Contender.SCIKIT_LEARN
RECIPE, DEFAULT = "siamese-densenet", "dlib-resnet34"
PAIRS, SEARCH = "pairs", "search"
RAW, LDA = "raw pixels", "eigenfaces with LDA"
FMR = 1e-3
COMPONENTS = (100, 150, 300, 500)
CHIPS = ("--size", "64", "--template", "dlib", "--split", "by-person")
# 48 px instead of 224, and all pairs of a batch: what two cores can train in a quarter of an hour.
SETTINGS = (
    *("--image-size", "48", "--epochs", "20", "--set", "whole_batch=true"),
    *("--set", "unit_length=true", "--set", "margin=1.4", "--set", "top_learning_rate=0.001"),
    *("--set", "anchors_per_person=5", "--set", "augment=true"),
)


def run(bench: Bench) -> None:
    """Train and judge with every seed; search with the network of the first."""
    train, test = bench.data.lfw_development_people()
    people = ("--people", str(train), "--min-photos", "2", "--fractions", "0.9,0.1")
    chips = dataset(bench, "strangers-64", *CHIPS, *people)
    _others(bench, chips, train, test)
    for seed in range(bench.effort.training_seeds):
        values = trained(bench, RECIPE, chips, f"{RECIPE}-{seed}", (*SETTINGS, "--seed", str(seed)))
        facesearch(bench, "models", "add", _name(seed), str(kept(bench, values["run"])))
        values |= _judged(bench, _name(seed))
        bench.note(NAME, OURS, values, way=RECIPE, case=PAIRS, repetition=seed)
        if seed == 0:
            for model, found in _searched(bench, _name(seed), test).items():
                bench.note(NAME, OURS, found, way=model, case=SEARCH)


def figures(measured: Measured) -> list[Figure]:
    """Accuracy and ROC beside both others; what a search finds beside the default."""
    own = measured.of(OURS, case=PAIRS, way=RECIPE)
    found = []
    for value, word in (("accuracy", "accuracy"), ("auc", "area under the ROC")):
        shares = [sample.values[value] for sample in own]
        for way in (RAW, LDA):
            theirs = [s.values[value] for s in measured.of(THEIRS, case=PAIRS, way=way)]
            mean = sum(theirs) / len(theirs)
            found.append(
                Figure(
                    what=f"pairsDevTest of LFW, {RECIPE} at 48 px, {word}, {len(own)} seeds",
                    ours=spread(shares),
                    against=f"{way}, same people to train on",
                    theirs=spread(theirs),
                    value=sum(shares) / len(shares),
                    unit=Unit.PERCENT,
                    limit=round(mean, 4),
                    spread=(min(shares), max(shares)),
                )
            )
    by_model = {s.way: s.values for s in measured.of(OURS, case=SEARCH)}
    default, values = by_model[DEFAULT], by_model[_name(0)]
    found.append(
        Figure(
            what=f"Search in {values['photos']} photos of strangers with {RECIPE}, rank-1",
            ours=f"{values['rank1'] * 100:.1f} %",
            against=f"facesearch, {DEFAULT}",
            theirs=f"{default['rank1'] * 100:.1f} %",
            value=values["rank1"],
            unit=Unit.PERCENT,
            note=" ".join(_answered(model, by_model[model]) for model in by_model),
        )
    )
    return found


def _answered(model: str, values: Values) -> str:
    return (
        f"{model}, by its own rates (within {values['max_distance']:.4f}): of {values['queries']} "
        f"queries {values['right']} found their person and {values['wrong']} somebody else; "
        f"FNMR at FMR {values['fmr']:.0e} {values['fnmr'] * 100:.1f} %, "
        f"EER {values['eer'] * 100:.1f} %."
    )


def _name(seed: int) -> str:
    return f"own-siamese-{seed}"


def _others(bench: Bench, trained_on: Path, train: Path, test: Path) -> None:
    """Raw pixels, and eigenfaces with LDA, on the same pairs."""
    both = bench.work / "view1.txt"
    both.write_text(train.read_text(encoding="utf-8") + test.read_text(encoding="utf-8"))
    everybody = ("--people", str(both), "--min-photos", "1", "--fractions", "0.5,0.5")
    folder, arrays = dataset(bench, "view1-64", *CHIPS, *everybody), str(bench.work / "view1.npz")
    lfw = bench.data.folder / "lfw"
    with bench.worker(OURS, "own_networks.py") as worker:
        worker.call(
            "save_pairs",
            dataset=str(folder),
            trained_on=str(trained_on),
            development=str(lfw / "pairsDevTrain.txt"),
            judged=str(lfw / "pairsDevTest.txt"),
            out=arrays,
        )
    with bench.worker(THEIRS) as worker:
        for seed in range(bench.effort.training_seeds):
            found = worker.call("tell_apart", chips=arrays, seed=seed, components=COMPONENTS)
            for way, values in found.items():
                bench.note(NAME, THEIRS, values, way=way, case=PAIRS, repetition=seed)


def _judged(bench: Bench, model: str) -> Values:
    """A model on the pairs of View 1, its threshold from the pairs of people trained on."""
    lfw = str(bench.data.folder / "lfw")
    how = ("--view", "1", "--model", model, "--leave-out-missing", "--json")
    told = facesearch(bench, "evaluate", "lfw", lfw, *how)
    view = json.loads(told.output)["view1"]
    kept = ("genuine_pairs", "impostor_pairs", "accuracy", "best_accuracy", "eer", "auc", "curve")
    return {name: view[name] for name in kept}


def _searched(bench: Bench, model: str, test: Path) -> dict[str, Values]:
    """What queries find in a library of people who were not trained on, with two models."""
    photos, asked = _photos(bench, test)
    folder = bench.work / "strangers"
    for photo in photos:
        target = folder / photo.parent.name / photo.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo, target)
    library = ("--library", str(bench.work / "strangers.faces"))
    facesearch(bench, *library, "index", str(folder))
    facesearch(bench, *library, "reindex", "--model", model)
    told = facesearch(bench, "compare", DEFAULT, model, str(folder), "--json")
    compared = json.loads(told.output)
    found: dict[str, Values] = {}
    for name in (DEFAULT, model):
        how = ("--face", "largest", "--model", name, "--json")
        queried = facesearch(bench, *library, "query", *asked, *how)
        answers = [json.loads(line) for line in queried.output.splitlines()]
        found[name] = _counted(answers) | _compared(compared, name) | {"photos": len(photos)}
    return found


def _photos(bench: Bench, test: Path) -> tuple[list[Path], list[str]]:
    """Photos to search in, and others of the same people to ask with."""
    lines = test.read_text(encoding="utf-8").splitlines()[1:]
    names = {line.partition("\t")[0] for line in lines}
    theirs = [photo for photo in bench.data.lfw() if photo.parent.name in names]
    several = [p for p in theirs if p.stem.endswith("_0002") and _first(p).exists()]
    asked = sample(several, bench.effort.search_queries)
    first = [_first(photo) for photo in asked]
    rest = [photo for photo in theirs if photo not in {*asked, *first}]
    photos = [*first, *sample(rest, bench.effort.search_photos - len(first))]
    return photos, [str(path) for path in asked]


def _first(photo: Path) -> Path:
    """The first photo of the person on their second one."""
    return photo.with_name(photo.name.replace("_0002", "_0001"))


def _counted(answers: list[Values]) -> Values:
    """How many queries found their person, and how many found somebody else, too."""
    right = wrong = 0
    for answer in answers:
        person = Path(answer["photo"]).parent.name
        matches = [
            Path(match["photo"]).parent.name
            for face in answer["faces"]
            for match in face["unnamed"]
        ]
        right += person in matches
        wrong += any(name != person for name in matches)
    distance = answers[0]["max_distance"]
    return {"queries": len(answers), "right": right, "wrong": wrong, "max_distance": distance}


def _compared(document: Values, model: str) -> Values:
    """A model's share of photos whose nearest shows the same person, and its FNMR at FMR 1e-3."""
    at = [each["name"] for each in document["models"]].index(model)
    measures = {
        (each["measure"], each["fmr"]): each["figures"][at] for each in document["measures"]
    }
    rates = [rate for measure, rate in measures if measure == "fnmr"]
    rate = min(rates, key=lambda rate: abs(rate - FMR))
    fnmr = measures["fnmr", rate]
    return {
        "rank1": measures["rank1", None]["value"],
        "fmr": rate,
        "fnmr": fnmr["value"],
        "fnmr_interval": [fnmr["low"], fnmr["high"]],
        "eer": measures["eer", None]["value"],
    }


MEASURE = Measure(
    name=NAME,
    title="Networks of one's own: strangers",
    method=(
        "`siamese-densenet` is trained on the people of LFW's View 1 training list who have at "
        "least two photos (a tenth of them say which epoch is the best) at 48 instead of 224 px, "
        "with `whole_batch`, and judged by the 1,000 pairs of pairsDevTest, which show other "
        "people, by `facesearch evaluate lfw --view 1`: the threshold is the one that suits "
        "pairsDevTrain. Raw pixels and eigenfaces with LDA (scikit-learn) get the same aligned "
        "chips, people, pairs and rule; the number of eigenfaces is the best of 100, 150, 300 and "
        "500 on the development pairs. Then a library of photos of people from View 1's test list "
        "is indexed, `reindex` goes over to the network, and other photos of the same people are "
        "asked for."
    ),
    contenders=(OURS, THEIRS),
    missing=needs(LFW=Data.lfw, development=Data.lfw_development_people),
    run=run,
    figures=figures,
)
