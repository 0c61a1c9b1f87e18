"""Models side by side: one look at each photo, the same pairs, and no figure mistaken for luck."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys as toy
from toys import ToyEmbedder, Toys

from facesearch.errors import InvalidDataset, InvalidValue, UnknownModel, WeightsMissing
from facesearch.evaluation import embed_speed, measured_records
from facesearch.evaluation.compare import compare_models
from facesearch.evaluation.comparison import Comparison, Measure
from facesearch.evaluation.folder import evaluate_folder
from facesearch.evaluation.lfw import evaluate_lfw
from facesearch.evaluation.measured_records import figures_of, measured
from facesearch.evaluation.runs import EvaluationOptions
from facesearch.models import catalogue

LFW = Path(__file__).parents[3] / "shared" / "data" / "lfw"


class ColourBlind(ToyEmbedder):
    """Hears of red and of nothing else, so that many people look alike."""

    def embed(self, chips: Any) -> Any:
        dull = chips.copy()
        dull[..., 1:] = 128
        return super().embed(dull)


@pytest.fixture
def two(toys: Toys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Toys:
    """The toy models, and "toy-red", which is worse."""
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "models"))
    spec = catalogue.EmbedderSpec(
        "toy-red", "CC-BY-4.0", "here", "toy-red@1:square", 4, None,
        lambda runtime: ColourBlind(space="toy-red@1:square"),
    )  # fmt: skip
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS, spec))
    return toys


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Twelve people, five photos each, nearly of one colour."""
    random = np.random.default_rng(5)
    middles = random.integers(40, 216, size=(12, 3))
    for who, middle in enumerate(middles):
        for number in range(5):
            red, green, blue = (int(c) for c in middle + random.integers(-10, 11, size=3))
            path = tmp_path / "people" / f"P{who:02}" / f"P{who:02}_{number + 1:04d}.png"
            toy.photo(path, (red, green, blue), number=10 * who + number)
    return tmp_path / "people"


@pytest.fixture
def lfw(people: Path) -> Path:
    """The same people as LFW with two folds."""
    folds = [
        [f"P{at:02}\t1\t2" for at in half] + [f"P{at:02}\t1\tP{at + 1:02}\t2" for at in half]
        for half in (range(5), range(5, 10))
    ]
    lines = "\n".join(line for fold in folds for line in fold)
    (people / "pairs.txt").write_text(f"2\t5\n{lines}\n")
    return people


def options(tmp: Path, **more: Any) -> EvaluationOptions:
    given = {
        "detector": "toy-detector",
        "device": "cpu",
        "bootstrap_samples": 100,
        "cache_folder": tmp / "cache",
    }
    return EvaluationOptions(**(given | more))


def compare(folder: Path, *names: str, **more: Any) -> Comparison:
    names = names or ("toy-red", "toy-embedder")
    return compare_models(names, folder, options=options(folder.parent, **more))


def test_each_photo_is_looked_at_once(two: Toys, people: Path):
    toy.photo(people / "P00" / "nobody.png", number=999)
    told = []
    compare_models(
        ["toy-embedder", "toy-red"],
        people,
        options=options(people.parent),
        on_progress=lambda name, now: told.append((name, now.done)),
    )
    assert two.detector.seen == 61
    assert ("toy-embedder", 61) in told
    assert ("toy-red", 61) in told
    compare(people)
    assert two.detector.seen == 61  # remembered from one comparison to the next


def test_a_folder_is_measured_as_evaluate_folder_does(two: Toys, people: Path):
    result = compare(people)
    assert (result.data, result.photos, result.people) == ("folder", 60, 12)
    assert [model.name for model in result.models] == ["toy-red", "toy-embedder"]
    for at, model in enumerate(result.models):
        alone = evaluate_folder(people, options=options(people.parent, embedder=model.name))
        assert alone.closed_set is not None
        point = alone.verification.at(1e-2).fnmr
        figure = result.figures(Measure.FNMR, 1e-2)[at]
        assert point is not None
        assert figure is not None
        assert (figure.value, figure.low, figure.high) == (point.value, point.low, point.high)
        rank1 = result.figures(Measure.RANK_1)[at]
        assert rank1 is not None
        assert rank1.value == alone.closed_set.rank1.value
        error = result.figures(Measure.EQUAL_ERROR_RATE)[at]
        assert error is not None
        assert error.value == alone.verification.eer
        assert result.impostor_pairs == alone.verification.impostor_pairs
    assert result.figures(Measure.FNMR, 1e-4) == (None, None)  # too few pairs to see it
    json.dumps(result.to_json(), allow_nan=False)


def test_the_better_model_is_marked_and_told_apart(two: Toys, people: Path):
    result = compare(people)
    row = next(r for r in result.measures if (r.measure, r.fmr) == (Measure.FNMR, 1e-2))
    assert row.best == 1
    assert row.differences[1] is None
    assert row.is_told_apart(1) is None
    assert row.differences[0] is not None
    assert row.differences[0].value > 0
    assert row.is_told_apart(0) is True


def test_models_that_are_equally_good_are_not_told_apart(
    two: Toys, people: Path, monkeypatch: pytest.MonkeyPatch
):
    twin = catalogue.EmbedderSpec(
        "twin", "MIT", "here", "twin@1:square", 4, None,
        lambda runtime: ToyEmbedder(space="twin@1:square"),
    )  # fmt: skip
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS, twin))
    result = compare(people, "toy-embedder", "twin")
    for row in result.measures:
        if row.measure in (Measure.FNMR, Measure.RANK_1):
            assert row.best == 0
            assert row.is_told_apart(1) is False


def test_lfw_is_measured_as_evaluate_lfw_does(two: Toys, lfw: Path):
    result = compare(lfw)
    assert result.data == "lfw"
    for at, model in enumerate(result.models):
        alone = evaluate_lfw(lfw, options=options(lfw.parent, embedder=model.name))
        assert alone.view2 is not None
        figure = result.figures(Measure.VIEW2_ACCURACY)[at]
        assert figure is not None
        assert figure.value == pytest.approx(alone.view2.accuracy)
        assert figure.standard_error == pytest.approx(alone.view2.standard_error)
    row = result.measures[0]
    assert row.measure is Measure.VIEW2_ACCURACY
    difference = row.differences[1 - (row.best or 0)]
    assert difference is not None
    assert difference.p_value is not None


def test_a_part_of_lfw_leaves_no_figure_of_lfw(two: Toys, lfw: Path):
    compare(lfw)
    found = measured("toy-red@1:square")
    assert found is not None
    assert (found.view2, found.all_pairs) == (None, None)
    assert found.speed is not None
    assert (found.speed.engine, found.speed.device) == ("onnx", "cpu")
    assert found.speed.ms_per_face > 0


def test_all_of_lfw_leaves_its_figures(two: Toys, lfw: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measured_records, "_FOLDS", 2)
    monkeypatch.setattr(measured_records, "_PAIRS", 20)
    monkeypatch.setattr(measured_records, "_PHOTOS", 60)
    result = compare(lfw)
    given = options(lfw.parent, embedder="toy-red")
    evaluated = figures_of(evaluate_lfw(lfw, all_pairs=True, options=given))
    found = measured("toy-red@1:square")
    figure = result.figures(Measure.VIEW2_ACCURACY)[0]
    assert figure is not None
    assert found is not None
    assert found.view2 is not None
    assert evaluated is not None
    assert found.view2.accuracy == figure.value
    assert (found.view2, found.all_pairs) == (evaluated.view2, evaluated.all_pairs)
    assert found.all_pairs is not None
    assert found.all_pairs.protocol == "all pairs of at most 10 photos a person"
    assert figures_of(evaluate_lfw(lfw, options=given)).all_pairs is None


def test_figures_on_people_a_model_learned_from_are_not_kept(
    two: Toys, lfw: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(measured_records, "_FOLDS", 2)
    monkeypatch.setattr(measured_records, "_PAIRS", 20)
    learned = dataclasses.replace(
        catalogue.embedder_spec("toy-red"), name="learned", learned_from="LFW"
    )
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS, learned))
    result = compare(lfw, "learned", "toy-embedder")
    assert any("flatter" in warning for warning in result.warnings)
    kept = [measured(model.space) for model in result.models]
    assert [one is not None and one.view2 is not None for one in kept] == [False, True]
    given = options(lfw.parent, embedder="learned")
    assert figures_of(evaluate_lfw(lfw, options=given)) is None


def test_slips_are_said_before_anything_runs(two: Toys, people: Path, lfw: Path):
    for names, words in (
        (["toy-red"], "two models at least"),
        (["toy-red", "toy-red"], "named twice"),
    ):
        with pytest.raises(InvalidValue, match=words):
            compare_models(names, people, options=options(people.parent))
    with pytest.raises(UnknownModel, match="did you mean toy-red"):
        compare(people, "toy-embedder", "toy-redd")
    (lfw / "pairs.txt").write_text("2\t5\nP00\t1\t9\n")
    with pytest.raises(InvalidDataset, match="line 2"):
        compare(lfw)
    assert two.detector.seen == 0


def test_a_model_without_weights_fails_before_any_photo_is_looked_at(
    two: Toys, people: Path, monkeypatch: pytest.MonkeyPatch
):
    def missing(runtime: Any) -> Any:
        raise WeightsMissing("empty", "the weights of empty are not here")

    spec = catalogue.EmbedderSpec("empty", "MIT", "here", "empty@1:square", 4, None, missing)
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS, spec))
    with pytest.raises(WeightsMissing):
        compare(people, "toy-embedder", "empty")
    assert two.detector.seen == 0


def test_photos_without_any_face_count_and_have_no_time(two: Toys, people: Path):
    for photo in people.rglob("*.png"):
        photo.write_bytes(b"broken")
    result = compare(people)
    assert result.unreadable == 60
    assert result.figures(Measure.MS_PER_FACE) == (None, None)
    assert result.measures[-1].best is None
    first = result.figures(Measure.RANK_1)[0]
    assert first is not None
    assert first.value == 0


@pytest.mark.skipif(not LFW.exists(), reason="needs LFW in ../shared/data/lfw")
def test_real_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The two shipped models on some of LFW, judged by maps that have not seen its people."""
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(embed_speed, "FACES", 4)
    lines = (LFW / "pairs.txt").read_text().splitlines()
    chosen = [lines[1 + 600 * fold + offset] for fold in range(10) for offset in (0, 300)]
    for line in chosen:
        fields = line.split("\t")
        names, numbers = (
            (fields[:1] * 2, fields[1:]) if len(fields) == 3 else (fields[::2], fields[1::2])
        )
        for name, number in zip(names, numbers, strict=True):
            photo = Path(name) / f"{name}_{int(number):04d}.jpg"
            (tmp_path / "lfw" / name).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(LFW / "images" / photo, tmp_path / "lfw" / photo)
    (tmp_path / "lfw" / "pairs.txt").write_text("\n".join(["10\t1", *chosen]))
    shutil.copyfile(LFW / "people.txt", tmp_path / "lfw" / "people.txt")
    result = compare_models(
        ["dlib-resnet34", "dlib-resnet34-best"],
        tmp_path / "lfw",
        options=EvaluationOptions(bootstrap_samples=50, cache_folder=tmp_path / "cache"),
    )
    assert result.by_sets
    assert all(model.cross_validated for model in result.models)
    accuracies = result.figures(Measure.VIEW2_ACCURACY)
    assert all(figure is not None and figure.value >= 0.9 for figure in accuracies)
    times = result.figures(Measure.MS_PER_FACE)
    assert all(figure is not None and figure.value > 0 for figure in times)
