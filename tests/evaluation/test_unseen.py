"""Judging people by maps that have not seen them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facesearch.errors import InvalidDataset
from facesearch.evaluation.identification import Part, searched, split
from facesearch.evaluation.labelled import labelled
from facesearch.evaluation.lfw_files import LfwFiles
from facesearch.evaluation.unseen import UnseenMaps, find_unseen
from facesearch.models.catalogue import embedder_spec
from facesearch.models.projection import CrossedProjections, unit_rows

PEOPLE = ["a", "a", "b", "b", "c", "c", "d", "d"]
SET_OF = {"a": 0, "b": 0, "c": 1, "d": 1}


def maps(*without: np.ndarray) -> UnseenMaps:
    shipped = np.diag([1.0, 2.0, 3.0, 4.0]).astype(np.float32)
    return UnseenMaps(CrossedProjections(shipped, np.stack(without).astype(np.float32)), SET_OF)


@pytest.fixture
def vectors() -> np.ndarray:
    rows = unit_rows(np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32))
    rows[3] = np.nan
    return rows


def test_each_set_is_seen_by_its_own_map(vectors: np.ndarray) -> None:
    """The shipped map is undone first, so a map that equals it changes nothing."""
    shipped = maps(np.eye(4)).maps.shipped
    unseen = maps(shipped, np.eye(4))
    judged = unseen.vectors(vectors, PEOPLE)
    np.testing.assert_allclose(judged[:4], vectors[:4], atol=1e-6)
    np.testing.assert_allclose(
        judged[4:], unit_rows(vectors[4:] @ np.linalg.inv(shipped)), atol=1e-5
    )
    assert np.isnan(judged[3]).all()


def test_everybody_is_judged_once_and_among_all(vectors: np.ndarray) -> None:
    unseen = maps(np.eye(4), np.eye(4))
    parts = unseen.parts(vectors, PEOPLE, [f"{at}.jpg" for at in range(8)])
    assert [len(part.data) for part in parts] == [8, 8]
    np.testing.assert_array_equal(sum(part.judged.astype(int) for part in parts), np.ones(8))
    apart = unseen.apart(labelled(unseen.vectors(vectors, PEOPLE), PEOPLE))
    assert [data.names for data in apart] == [("a", "b"), ("c", "d")]


def test_equal_maps_judge_as_one_does(vectors: np.ndarray) -> None:
    """With the same map in every part, identification in parts is identification."""
    shipped = maps(np.eye(4)).maps.shipped
    parts = maps(shipped, shipped).parts(vectors, PEOPLE, [str(at) for at in range(8)])
    whole = [Part.whole(labelled(vectors, PEOPLE))]
    both = [searched(some, seed=0, bootstrap_samples=10) for some in (parts, whole)]
    np.testing.assert_array_equal(both[0].cmc, both[1].cmc)
    opened = [split([p.capped(2, 0) for p in some], seeds=(0, 1)) for some in (parts, whole)]
    np.testing.assert_allclose(opened[0].fnir, opened[1].fnir)


@pytest.mark.parametrize("name", ["dlib-resnet34", "dlib-resnet34-best"])
def test_the_shipped_maps_belong_together(name: str) -> None:
    """Each leaves a tenth of the people out, so it is near the shipped map and not the same."""
    unseen = embedder_spec(name).unseen
    assert unseen is not None
    crossed = unseen()
    assert crossed.sets == 10
    for matrix in crossed.without:
        away = np.linalg.norm(matrix - crossed.shipped) / np.linalg.norm(crossed.shipped)
        assert 0.001 < away < 0.3


def lfw(folder: Path, people: str | None, names: str = "ab") -> LfwFiles:
    if people is not None:
        (folder / "people.txt").write_text(people)
    photos = {(name, 1): str(folder / f"{name}_0001.jpg") for name in names}
    return LfwFiles(str(folder), photos, [])


def test_without_a_list_of_sets_nobody_is_known_to_be_unseen(tmp_path: Path) -> None:
    assert find_unseen("dlib-resnet34", lfw(tmp_path, None), None) is None


def test_a_list_that_does_not_fit_is_not_used(tmp_path: Path) -> None:
    files = lfw(tmp_path, "2\n1\na\t1\n1\nb\t1\n")
    assert files.sets_of_people() == [["a"], ["b"]]
    assert find_unseen("dlib-resnet34", files, None) is None


def test_a_malformed_list_of_sets_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidDataset, match="line 3"):
        lfw(tmp_path, "2\n1\na\n1\nb\t1\n").sets_of_people()
