"""Chips for training are cut as chips for searching are."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest
import skimage.data
import toys as toy

from facesearch.evaluation.embedding import FaceSelection
from facesearch.extraction import extract_faces
from facesearch.models.templates import TemplateFamily, template
from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.training.dataset.cutting import ChipCutter, cut_chip, is_final, load_detector
from facesearch.training.dataset.options import DatasetOptions
from facesearch.training.dataset.sources import SourcePhoto


def source(path):
    return SourcePhoto("Ada", path.name, (str(path),), "1")


def pixels(jpeg):
    return np.asarray(PIL.Image.open(io.BytesIO(jpeg)), np.int64)


@pytest.mark.parametrize("family", [TemplateFamily.ARCFACE, TemplateFamily.NONE])
@pytest.mark.parametrize("enlarged", [1, 5])
def test_a_chip_is_what_search_would_see(tmp_path, family, enlarged):
    """Large photos are decoded at reduced scale to find faces, and finer to cut small ones."""
    path = tmp_path / "eileen.jpg"
    photo = PIL.Image.fromarray(skimage.data.astronaut())
    photo.resize((512 * enlarged, 512 * enlarged)).save(path, quality=92)
    options = DatasetOptions(template=family, jpeg_quality=100, face=FaceSelection.LARGEST)
    detector = load_detector(options)
    opened = open_photo(path.read_bytes(), path.name, DecodeLimits())
    searching = toy.ToyEmbedder(template=template(family, 112))
    expected = extract_faces(opened, detector, searching)
    exact = cut_chip(opened, expected.detections[0].landmarks, template(family, 112))
    near = np.abs(exact.astype(int) - expected.chips[0, 0]).mean()
    assert near < 2  # a decoding at another scale at most
    stored = pixels(ChipCutter(options, detector)(source(path)).jpeg)
    assert stored.shape == (112, 112, 3)
    assert np.abs(stored - expected.chips[0, 0]).mean() < 2  # what JPEG does to it


@pytest.mark.parametrize(
    ("face", "colour"), [(FaceSelection.CENTRAL, toy.GREEN), (FaceSelection.LARGEST, toy.RED)]
)
def test_one_face_counts_where_there_are_several(tmp_path, toys, face, colour):
    """The first face of a toy photo is the largest; the second lies nearer to its middle."""
    path = toy.photo(tmp_path / "two.png", toy.RED, toy.GREEN)
    options = DatasetOptions(chip_px=16, detector="toy-detector", face=face)
    found = pixels(ChipCutter(options, load_detector(options))(source(path)).jpeg)
    assert np.abs(found[6:10, 6:10].reshape(-1, 3).mean(0) - colour).max() < 25


def test_photos_without_a_chip_have_a_reason(tmp_path, toys):
    PIL.Image.new("RGB", (50, 50)).save(tmp_path / "nobody.png")
    (tmp_path / "damaged.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(50))
    (tmp_path / "empty.jpg").write_bytes(b"")
    options = DatasetOptions(detector="toy-detector")
    cutter = ChipCutter(options, load_detector(options))
    reasons = {
        name: cutter(source(tmp_path / name)).reason
        for name in ("nobody.png", "damaged.jpg", "empty.jpg", "gone.jpg")
    }
    assert reasons == {
        "nobody.png": "no-face",
        "damaged.jpg": "damaged",
        "empty.jpg": "empty",
        "gone.jpg": "vanished",
    }
    assert [is_final(reason) for reason in reasons.values()] == [True, True, True, False]


def test_a_picture_that_is_a_chip_is_only_resized(tmp_path):
    wide = np.zeros((40, 60, 3), np.uint8)
    wide[:, 10:50] = (200, 100, 50)
    PIL.Image.fromarray(wide).save(tmp_path / "chip.png")
    options = DatasetOptions(chip_px=20, already_aligned=True, jpeg_quality=100)
    found = pixels(ChipCutter(options, None)(source(tmp_path / "chip.png")).jpeg)
    assert found.shape == (20, 20, 3)
    assert np.abs(found - (200, 100, 50)).max() < 8  # the square in the middle, and no more


def test_a_photo_is_read_from_wherever_it_lies(tmp_path):
    PIL.Image.new("RGB", (20, 20), (9, 9, 9)).save(tmp_path / "here.png")
    places = (str(tmp_path / "gone.png"), str(tmp_path / "here.png"))
    photo = SourcePhoto("Ada", "gone.png", places, "1")
    options = DatasetOptions(chip_px=20, already_aligned=True)
    assert ChipCutter(options, None)(photo).jpeg is not None
