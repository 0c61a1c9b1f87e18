"""The LFW protocol: every slip in a list is named, no threshold is chosen on what it judges."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys as toy
from toys import Colour, Toys

from facesearch.errors import InvalidDataset, InvalidValue, PhotoNotFound
from facesearch.evaluation.embedding import FaceSelection
from facesearch.evaluation.lfw import evaluate_lfw
from facesearch.evaluation.lfw_files import find_lfw
from facesearch.evaluation.pair_lists import best_threshold
from facesearch.evaluation.runs import EvaluationOptions

LFW = Path(__file__).parents[3] / "shared" / "data" / "lfw"

PAIRS = "2\t2\n" + "".join(
    f"{one}\t1\t2\n{other}\t1\t3\n{one}\t1\t{other}\t2\n{other}\t3\t{one}\t3\n"
    for one, other in (("Ada_A", "Bo_B"), ("Cy_C", "Di_D"))
)
TRAIN = "1\nAda_A\t1\t3\nAda_A\t2\tCy_C\t2\n"
TEST = "1\nBo_B\t1\t2\nBo_B\t2\tDi_D\t2\n"


def colour(random: Any, middle: Colour) -> Colour:
    red, green, blue = (int(np.clip(c + random.integers(-12, 13), 0, 255)) for c in middle)
    return red, green, blue


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Four people, three photos each; faces of one person have nearly one colour."""
    random = np.random.default_rng(5)
    middles = {"Ada_A": toy.RED, "Bo_B": toy.GREEN, "Cy_C": toy.BLUE, "Di_D": toy.WHITE}
    folder = tmp_path / "lfw"
    for name, middle in middles.items():
        for number in (1, 2, 3):
            toy.photo(
                folder / "images" / name / f"{name}_{number:04d}.jpg",
                colour(random, middle),
                number=number,
            )
    (folder / "pairs.txt").write_text(PAIRS)
    (folder / "pairsDevTrain.txt").write_text(TRAIN)
    (folder / "pairsDevTest.txt").write_text(TEST.replace("\n", "\r\n"))
    return folder


def options(**more: Any) -> EvaluationOptions:
    given = {
        "detector": "toy-detector",
        "embedder": "toy-embedder",
        "device": "cpu",
        "bootstrap_samples": 20,
    }
    return EvaluationOptions(**(given | more))


def test_the_whole_path(toys: Toys, tiny: Path):
    result = evaluate_lfw(tiny, view1=True, all_pairs=True, options=options())
    assert result.view2 is not None
    assert result.view1 is not None
    assert result.all_pairs is not None
    assert result.closed_set is not None
    assert (result.view2.accuracy, result.view2.standard_error) == (1, 0)
    assert (result.view2.genuine_pairs, result.view2.impostor_pairs) == (4, 4)
    assert len(result.view2.folds) == 2
    assert (result.view1.accuracy, result.view1.standard_error) == (1, None)
    assert (result.view1.genuine_pairs, result.view1.impostor_pairs) == (1, 1)
    assert (result.all_pairs.genuine_pairs, result.all_pairs.impostor_pairs) == (12, 54)
    assert result.closed_set.rank1.value == 1
    assert (result.run.photos, result.run.people, result.run.no_face) == (12, 4, 0)
    worst = result.view2.worst_false_non_matches[0]
    assert worst.first_person == worst.second_person
    assert worst.first_box is not None
    again = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert again["view2"]["folds"][1]["accuracy"] == 1
    assert again["all_pairs"]["points"][0]["fmr"] == 0.1
    assert again["run"]["face"] == FaceSelection.CENTRAL


def test_only_photos_that_are_needed_are_looked_at(toys: Toys, tiny: Path):
    result = evaluate_lfw(tiny, view1=True, view2=False, options=options(keep_embeddings=False))
    assert result.view2 is None
    assert result.run.photos == 7
    assert toys.detector.seen == 7


def test_a_photo_without_a_face_counts_against_us(toys: Toys, tiny: Path):
    toy.photo(tiny / "images" / "Bo_B" / "Bo_B_0001.jpg")  # nobody there
    result = evaluate_lfw(tiny, options=options())
    assert result.view2 is not None
    assert result.view2.pairs_with_failures == 1
    assert result.view2.accuracy == pytest.approx((3 / 4 + 1) / 2)
    assert result.run.no_face == 1
    assert result.run.failures[0].path.endswith("Bo_B_0001.jpg")


@pytest.mark.parametrize("place", ["", "lfw-deepfunneled", "lfw-deepfunneled/lfw-deepfunneled"])
def test_photos_are_found_where_their_homes_put_them(tiny: Path, place: str, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(tiny / "images", other / place)
    found = find_lfw(other)
    assert len(found.photos) == 12
    assert ("Cy_C", 3) in found.photos


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "number of folds"),
        ("2\n", 1, "number of folds"),
        ("2\tmany\n", 1, "number of folds"),
        ("0\t2\n", 1, "at least 1"),
        ("1\t2\n" + PAIRS[4:], 1, "two folds"),
        (PAIRS.replace("Ada_A\t1\t2\n", "Ada_A 1 2\n"), 2, "one person"),
        (PAIRS.replace("Ada_A\t1\t2\n", "Ada_A\t1\t2\tx\n"), 2, "one person"),
        (PAIRS.replace("Ada_A\t1\t2\n", "\n"), 2, "one person"),
        (PAIRS.replace("Ada_A\t1\t2\n", "Ada_A\t1\t-2\n"), 2, "one person"),
        (PAIRS.replace("Ada_A\t1\t2\n", "Ada_A\t1\t1\n"), 2, "not two photos"),
        (PAIRS.replace("Bo_B\t1\t3\n", "Bo_B\t1\t9\n"), 3, "no photo Bo_B_0009"),
        (PAIRS.replace("Ada_A\t1\tBo_B\t2\n", "Ada_A\t1\tAda_A\t2\n"), 4, "of two people"),
        (PAIRS.replace("2\t2\n", "2\t3\n", 1), 4, "one person"),
        (PAIRS[: PAIRS.rindex("Di_D")], 8, "too early"),
        (PAIRS + "Ada_A\t1\t2\n", 10, "more in it"),
    ],
)
def test_slips_in_lists_are_named_with_their_line(tiny: Path, text: str, line: int, words: str):
    (tiny / "pairs.txt").write_text(text)
    with pytest.raises(InvalidDataset, match=words) as error:
        evaluate_lfw(tiny)
    assert error.value.line == line
    assert f"pairs.txt, line {line}: " in str(error.value)


def test_pairs_with_missing_photos_may_be_left_out(toys: Toys, tiny: Path):
    (tiny / "images" / "Bo_B" / "Bo_B_0003.jpg").unlink()
    with pytest.raises(InvalidDataset, match="--leave-out-missing"):
        evaluate_lfw(tiny, options=options())
    result = evaluate_lfw(tiny, leave_out_missing=True, options=options())
    assert result.view2 is not None
    assert (result.view2.genuine_pairs, result.view2.impostor_pairs) == (3, 3)
    assert [w.partition(": ")[0][-7:] for w in result.run.warnings] == [" line 3", " line 5"]


def test_what_is_no_lfw_is_refused(tmp_path: Path, tiny: Path):
    with pytest.raises(PhotoNotFound):
        evaluate_lfw(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidDataset, match="no photos such as"):
        evaluate_lfw(tmp_path / "empty")
    with pytest.raises(InvalidValue, match="choose what"):
        evaluate_lfw(tiny, view2=False)
    (tiny / "pairs.txt").unlink()
    with pytest.raises(InvalidDataset, match=r"pairs\.txt: there is no such list"):
        evaluate_lfw(tiny)


def test_the_threshold_lies_between_what_it_parts():
    same = np.array([True, True, False, True, False])
    assert best_threshold(np.array([0.1, 0.2, 0.5, 0.3, 0.6]), same) == pytest.approx(0.4)
    assert best_threshold(np.array([0.9, 2.0, 0.1, 2.0, 0.2]), same) == 0


@pytest.mark.skipif(not LFW.exists(), reason="needs LFW in ../shared/data/lfw")
def test_real_photos(tmp_path: Path):
    """Two small folds of the real thing, through the real networks."""
    folder = tmp_path / "lfw"
    lines = (LFW / "pairs.txt").read_text().splitlines()
    chosen = [lines[at + offset] for at in (1, 601) for offset in (*range(5), *range(300, 305))]
    for line in chosen:
        fields = line.split("\t")
        names, numbers = (
            (fields[:1] * 2, fields[1:]) if len(fields) == 3 else (fields[::2], fields[1::2])
        )
        for name, number in zip(names, numbers, strict=True):
            photo = Path(name) / f"{name}_{int(number):04d}.jpg"
            (folder / name).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(LFW / "images" / photo, folder / photo)
    (folder / "pairs.txt").write_text("\n".join(["2\t5", *chosen]))
    result = evaluate_lfw(folder)
    assert result.view2 is not None
    assert result.view2.accuracy >= 0.9
    assert result.run.no_face == 0
