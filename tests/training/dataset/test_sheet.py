"""The example sheet shows chips with their names, framed by split."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from facesearch.errors import InvalidDataset
from facesearch.training.dataset.sheet import write_sheet

pytest.importorskip("tensorflow", reason="chips are decoded by the extra train")

TRAIN, VALIDATION = (0x4C, 0x78, 0xA8), (0xF5, 0x85, 0x18)


def test_a_row_for_each_person_framed_by_split(made, tmp_path):
    dataset = made(chip_px=32)
    write_sheet(dataset, tmp_path / "sheet.png", people=3, chips=5)
    pixels = np.asarray(PIL.Image.open(tmp_path / "sheet.png").convert("RGB"))
    step = 32 + 2 * 3 + 6
    assert pixels.shape == (3 * step + 34, 190 + 5 * step + 6, 3)
    edge = pixels[6 + 32 // 2, 190 + 1]  # left side of the first frame
    assert tuple(edge) == TRAIN
    row = pixels[6 + 1]
    frames = {tuple(pixel) for pixel in row}
    assert {TRAIN, VALIDATION} <= frames


def test_the_chips_on_it_are_those_of_the_dataset(made, tmp_path):
    dataset = made(chip_px=32)
    write_sheet(dataset, tmp_path / "sheet.png", people=4, chips=20)
    pixels = np.asarray(PIL.Image.open(tmp_path / "sheet.png").convert("RGB"))
    shown = pixels[6 + 3 : 6 + 3 + 32, 190 + 3 : 190 + 3 + 32]  # the first of Ada
    (ada, *_) = [at for at, row in enumerate(dataset.rows("train")) if row.person == "Ada"]
    assert np.array_equal(shown, dataset.read("train", [ada])[0])


def test_names_of_any_length_fit(made, people, tmp_path):
    (people / "Ada").rename(people / ("Ada " * 20).strip())
    write_sheet(made(), tmp_path / "sheet.png")
    pixels = np.asarray(PIL.Image.open(tmp_path / "sheet.png").convert("RGB"))
    assert (pixels[: 4 * 36, 184:190] == 255).all()  # the gap between names and chips


def test_a_sheet_that_cannot_be_written_is_said(made, tmp_path):
    with pytest.raises(InvalidDataset, match="cannot be written"):
        write_sheet(made(), tmp_path / "nowhere" / "sheet.png")
