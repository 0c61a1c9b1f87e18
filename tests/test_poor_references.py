"""A face that is too poor is found and keeps its name, but gives it to nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import toys as toy_models

from facesearch import quality
from facesearch.library import FaceLibrary
from facesearch.values import PoorFace

BLURRED, GOOD, PROBE = (250, 10, 10), (250, 11, 10), (250, 10, 11)


def measures(chip):
    measured = toy_models.measures(chip)
    if tuple(chip[4, 4]) == BLURRED:
        return quality.ChipMeasures(0.001, measured.brightness, measured.contrast)
    return measured


@pytest.fixture
def library(folder, toys, monkeypatch) -> Iterator[FaceLibrary]:
    monkeypatch.setattr(quality, "measure_chip", measures)
    with FaceLibrary.open(folder, options=toys.options()) as opened:
        yield opened


def test_a_poor_named_face_is_found_but_does_not_name(library, photos):
    poor = toy_models.photo(photos / "Ana" / "poor.png", BLURRED)
    library.index([photos], people_from_folders=True)
    probe = toy_models.photo(photos.parent / "probe.png", PROBE)

    (answer,) = library.query(probe).faces
    assert answer.identities == ()
    assert [hit.face.photo.paths for hit in answer.unnamed] == [(str(poor),)]
    (listed,) = library.poor_references()
    assert (listed.identity.name, listed.path) == ("Ana", str(poor))
    assert listed.quality.problems[0] is PoorFace.BLURRED
    assert library.status().identities == 1

    toy_models.photo(photos / "Ana" / "good.png", GOOD)
    library.index([photos], people_from_folders=True)
    (answer,) = library.query(probe).faces
    (match,) = answer.identities
    assert match.identity.name == "Ana"
    assert len(match.faces) == 2, "beside a good face the poor one belongs to them"
    assert answer.unnamed == ()
