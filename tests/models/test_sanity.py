"""The built-in portraits, and what they show of models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from facesearch.errors import InvalidEmbedding, ModelError
from facesearch.models import samples
from facesearch.models.chip_embedder import unit_rows
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.samples import Sample, sample
from facesearch.models.sanity import (
    DetectorReport,
    EmbedderReport,
    check_detector,
    check_embedder,
    sample_chips,
)
from facesearch.models.templates import TemplateFamily, template
from facesearch.values import Box, Detection, Image, Landmarks

SIDE = 150


class Says:
    """An embedder that says of ten chips what it is told to."""

    space, views, template = "says@1", 1, template(TemplateFamily.DLIB)

    def __init__(self, vectors: np.ndarray, dimension: int | None = None) -> None:
        self._vectors = np.asarray(vectors, np.float32)
        self.dimension = self._vectors.shape[1] if dimension is None else dimension

    def cut(self, image: Image, landmarks: Landmarks) -> np.ndarray:
        return self.template.cut(image, landmarks)[None]

    def embed(self, chips: np.ndarray) -> np.ndarray:
        return np.resize(self._vectors, (len(chips), self._vectors.shape[1]))


def people(spread: float, apart: float, count: int = 10) -> np.ndarray:
    """Unit vectors: copies of each person within an angle, the two people at another."""
    angles = [person * apart + copy * spread for person in (0, 1) for copy in range(count // 2)]
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@pytest.mark.parametrize("person", Sample)
def test_the_portraits_are_small_and_show_one_face(person: Sample, detector: Mtcnn):
    assert Path(samples.__file__).with_name(f"{person}.jpg").stat().st_size < 40_000
    assert sample(person).size.longer == 400
    (faces,) = detector.detect([sample(person)])
    assert len(faces) == 1
    readme = Path(samples.__file__).with_name("README.md").read_text(encoding="utf-8")
    assert f"`{person}.jpg`" in readme


def test_all_copies_are_cut_those_of_one_person_first():
    chips = sample_chips(template(TemplateFamily.DLIB).cut)
    assert chips.shape == (10, SIDE, SIDE, 3)
    original, mirrored, darker, smaller, grey = chips[:5].astype(float)
    assert np.abs(mirrored[:, ::-1] - original).mean() < 12
    assert np.abs(darker - original * 0.7).mean() < 6
    assert np.abs(smaller - original).mean() < 8
    assert np.abs(grey[..., 0] - grey[..., 2]).max() == 0
    assert np.abs(grey.mean(axis=2) - original.mean(axis=2)).mean() < 12
    assert np.abs(chips[5] - original).mean() > 40


def test_the_default_embedder_tells_them_apart(embedder: DlibResNet):
    report = check_embedder("dlib-resnet34", embedder)
    assert report.problem is None
    assert report.dimension == 128
    assert (len(report.same), len(report.other)) == (20, 25)
    assert report.same[-1] < 0.05 < report.other[0]
    assert report.face_ms > 0


def test_copies_farther_apart_than_people_are_a_problem():
    report = check_embedder("says", Says(people(spread=0.4, apart=0.1)))
    assert report.problem is not None
    assert "Likely causes, most likely first: the wrong mean or scale" in report.problem
    assert "channels" in report.problem
    assert check_embedder("says", Says(people(spread=0.05, apart=1.5))).problem is None


def test_distances_are_sorted_and_of_the_right_pairs():
    report = check_embedder("says", Says(people(spread=0.1, apart=1.5)))
    same = [
        1 - np.cos(0.1 * (later - earlier))
        for earlier in range(5)
        for later in range(earlier + 1, 5)
    ]
    np.testing.assert_allclose(report.same, sorted(same * 2), atol=1e-6)
    assert report.other[0] == pytest.approx(1 - np.cos(1.1), abs=1e-6)
    assert report.other[-1] == pytest.approx(1 - np.cos(1.9), abs=1e-6)


def test_a_network_that_says_the_same_of_all_is_refused():
    with pytest.raises(ModelError, match="says the same of every face"):
        check_embedder("says", Says(np.tile([[0.6, 0.8]], (10, 1))))


def test_vectors_of_another_length_or_dimension_are_refused():
    with pytest.raises(InvalidEmbedding, match="has length 2"):
        check_embedder("says", Says(people(0.1, 1.5) * 2))
    with pytest.raises(InvalidEmbedding):
        check_embedder("says", Says(np.full((10, 2), np.nan)))
    with pytest.raises(ModelError, match=r"gives \(10, 2\), expected \(10, 3\)"):
        check_embedder("says", Says(people(0.1, 1.5), dimension=3))


class Sees:
    """A detector that changes what the default one finds."""

    key, wanted_longer_px = "sees@1", 400

    def __init__(self, detector: Mtcnn, *, shift_px: float = 0, copies: int = 1, grey: int = 0):
        self._detector = detector
        self._shift_px, self._copies, self._grey = shift_px, copies, grey

    def detect(self, images: Sequence[Image]) -> list[tuple[Detection, ...]]:
        answers = []
        for faces in self._detector.detect(images):
            moved = tuple(
                Detection(face.box, Landmarks(face.landmarks.points + self._shift_px), face.score)
                for face in faces
            )
            made_up = Detection(Box(1, 1, 9, 9), Landmarks(np.ones((5, 2))), 0.5)
            answers.append(moved * self._copies or (made_up,) * self._grey)
        return answers


def test_the_default_detector_finds_them(detector: Mtcnn):
    report = check_detector(detector)
    assert report.problem is None
    assert report.faces == (1, 1, 0)
    assert max(report.landmark_errors) == 0
    assert report.photo_ms > 0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"shift_px": 2}, None),
        ({"shift_px": 30}, "its landmarks lie up to"),
        ({"copies": 2}, "it finds 2 and 2 faces in two portraits"),
        ({"copies": 0}, "it finds 0 and 0 faces"),
        ({"grey": 1}, "it finds faces in a plain grey picture"),
    ],
)
def test_detectors_that_find_something_else(
    detector: Mtcnn, changes: dict[str, int], problem: str | None
):
    found = check_detector(Sees(detector, **changes)).problem
    assert found is None if problem is None else problem in (found or "")


class Silent(Says):
    """Says nothing of those of the ten chips for which it was told zeros."""

    def embed(self, chips: np.ndarray) -> np.ndarray:
        if len(chips) == len(self._vectors):
            return unit_rows("mine", self._vectors)
        rest = self._vectors[self._vectors.any(axis=1)]
        return np.resize(rest, (len(chips), self.dimension))


def test_copies_that_it_says_nothing_of_are_a_problem_and_in_no_distance():
    vectors = people(0.01, 1.0)
    vectors[[1, 7]] = 0
    report = check_embedder("mine", Silent(vectors))
    assert (report.silent, len(report.same), len(report.other)) == (2, 12, 16)
    assert report.same[-1] < report.other[0]
    assert "it says nothing of 2 of 10 copies" in (report.problem or "")


def test_a_network_that_says_nothing_of_a_person_is_refused():
    vectors = people(0.01, 1.0)
    vectors[1:5] = 0
    with pytest.raises(ModelError, match="mine says nothing of 4 of 10 copies of two portraits"):
        check_embedder("mine", Silent(vectors))


def test_reports_at_the_edge():
    assert EmbedderReport(2, (0.1, 0.2), (0.2, 0.3), 1.0).problem is not None
    assert EmbedderReport(2, (0.1, 0.19), (0.2, 0.3), 1.0).problem is None
    assert DetectorReport((1, 1, 0), (0.1, 0.25), 1.0).problem is None
    assert DetectorReport((1, 1, 0), (0.1, 0.26), 1.0).problem is not None
