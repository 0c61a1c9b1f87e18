"""Who is on which photo: folders, lists of people, a library with names."""

from __future__ import annotations

import io
import os

import numpy as np
import PIL.Image
import pytest
import toys as toy
from drawn_people import draw

from facesearch.errors import InvalidDataset, LibraryNotFound, PhotoNotFound
from facesearch.library import FaceLibrary
from facesearch.training.dataset.cutting import CHANGED, ChipCutter
from facesearch.training.dataset.options import DatasetOptions
from facesearch.training.dataset.sources import (
    FolderSource,
    LibrarySource,
    only_people,
    read_people,
)


def test_folders_name_their_people(people):
    (people / "Ada" / "more").mkdir()
    (people / "Ada" / "0.png").rename(people / "Ada" / "more" / "0.png")
    PIL.Image.new("RGB", (9, 9)).save(people / "loose.png")
    photos, warnings = FolderSource(people).photos()
    assert len([photo for photo in photos if photo.person == "Ada"]) == 10
    assert os.path.join("Ada", "more", "0.png") in {photo.photo for photo in photos}
    assert "1 photos lie in no folder" in warnings[0]
    assert len({photo.id for photo in photos}) == len(photos) == 22


def test_a_photo_keeps_its_id_where_the_folder_moves(people, tmp_path):
    before = {photo.id for photo in FolderSource(people).photos()[0]}
    moved = people.rename(tmp_path / "elsewhere")
    assert {photo.id for photo in FolderSource(moved).photos()[0]} == before


@pytest.mark.parametrize(
    ("there", "words"), [({}, "no photos"), ({"Ada": 3}, "one person only, Ada")]
)
def test_too_little_in_a_folder_is_said(tmp_path, there, words):
    (tmp_path / "few").mkdir()
    with pytest.raises(InvalidDataset, match=words):
        FolderSource(draw(tmp_path / "few", there)).photos()


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(PhotoNotFound):
        FolderSource(tmp_path / "nowhere").photos()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ada\nBo\n", ("Ada", "Bo")),
        ("2\nAda\t7\nBo\t1\n", ("Ada", "Bo")),  # as LFW's peopleDevTrain.txt
        ("2880\n17\n", ("2880", "17")),  # as CelebA's people
        ("Ada\r\n\r\nAda\r\n", ("Ada",)),
    ],
)
def test_lists_of_people(tmp_path, text, names):
    (tmp_path / "list.txt").write_text(text)
    assert read_people(tmp_path / "list.txt") == names


@pytest.mark.parametrize(
    ("data", "words"), [(None, "no such list"), (b"\n\n", "no names"), (b"\xff\xfe\xff", "no text")]
)
def test_a_list_that_names_nobody_is_refused(tmp_path, data, words):
    if data is not None:
        (tmp_path / "list.txt").write_bytes(data)
    with pytest.raises(InvalidDataset, match=words):
        read_people(tmp_path / "list.txt")


def test_people_who_are_not_there_are_said(people):
    photos, _ = FolderSource(people).photos()
    found, warnings = only_people(photos, ("Bo", "Nobody"), "here")
    assert {photo.person for photo in found} == {"Bo"}
    assert warnings == ["1 people of the list have no photos, such as Nobody"]
    with pytest.raises(InvalidDataset, match="none of the 1 people"):
        only_people(photos, ("Nobody",), "here")


@pytest.fixture
def library(tmp_path, toys):
    """Two people with names in a library, together in a photo and one of them alone."""
    folder = tmp_path / "family.faces"
    toy.photo(tmp_path / "photos" / "both.png", toy.RED, toy.GREEN, number=1)
    toy.photo(tmp_path / "photos" / "red.png", toy.RED, number=2)
    with FaceLibrary.open(folder, options=toys.options()) as opened:
        opened.index([tmp_path / "photos"])
        larger, smaller = opened.faces_of(tmp_path / "photos" / "both.png")
        opened.name(larger.id, "Red")
        opened.name(smaller.id, "Green")
        opened.name(tmp_path / "photos" / "red.png", "Red")
    return folder


def test_a_librarys_named_faces_are_cut_where_it_found_them(library, tmp_path):
    photos, warnings = LibrarySource(library).photos()
    assert warnings == []
    assert sorted(photo.person for photo in photos) == ["Green", "Red", "Red"]
    cutter = ChipCutter(DatasetOptions(chip_px=16), None)
    colours = {"Red": toy.RED, "Green": toy.GREEN}
    for photo in photos:
        jpeg = cutter(photo).jpeg
        middle = _pixels(jpeg)[6:10, 6:10].reshape(-1, 3).mean(0)
        assert np.abs(middle - colours[photo.person]).max() < 20

    toy.photo(tmp_path / "photos" / "red.png", toy.BLUE, number=3)
    (changed,) = [p for p in photos if p.paths[0].endswith("red.png")]
    assert cutter(changed).reason == CHANGED


def test_a_library_without_names_is_refused(tmp_path, folder):
    with pytest.raises(InvalidDataset, match="no face in this library has a name"):
        LibrarySource(folder).photos()
    with pytest.raises(LibraryNotFound):
        LibrarySource(tmp_path / "nowhere").photos()


def _pixels(jpeg):
    return np.asarray(PIL.Image.open(io.BytesIO(jpeg)), np.float64)
