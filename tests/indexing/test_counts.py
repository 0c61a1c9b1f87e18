"""What a run says it did: new, unchanged, edited, copied; and what it must not do again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from toys import BLUE, GREEN, RED, album, photo

from facesearch.errors import InvalidValue, PhotoNotFound
from facesearch.indexing import IndexOptions
from facesearch.library import FaceLibrary


def test_the_first_run_finds_everything(library, photos, toys):
    album(photos / "red", 3)
    photo(photos / "group.png", GREEN, BLUE)
    photo(photos / "nobody.png")
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (photos / "notes.txt").write_text("no photo by any sign")
    report = library.index([photos])
    assert (report.photos, report.faces, report.new) == (6, 5, 6)
    assert (report.unchanged, report.moved, report.removed) == (0, 0, 0)
    assert (report.no_face, report.failed) == (1, 1)
    assert report.failed_by_reason == {"damaged": 1}
    assert report.warnings == ()
    assert not report.cancelled
    assert report.seconds > 0
    status = library.status()
    assert (status.photos, status.faces, status.no_face, status.failed) == (6, 5, 1, 1)


def test_a_second_run_asks_no_model(library, folder, photos, toys):
    album(photos, 3)
    photo(photos / "nobody.png")
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "text.jpg").write_text("not a picture")
    library.index([photos])

    def fail(*args):
        raise AssertionError("a model was asked about an unchanged photo")

    toys.detector.hook = toys.embedder.hook = fail
    loaded = toys.loaded
    with FaceLibrary.open(folder, options=toys.options()) as again:
        report = again.index([photos])
    assert (report.new, report.unchanged, report.photos, report.failed) == (0, 6, 6, 2)
    assert toys.loaded == loaded, "the networks were loaded for nothing"


def test_an_edited_photo_is_looked_at_again(library, photos):
    album(photos, 3)
    library.index([photos])
    edited = photo(photos / "p001.png", GREEN, BLUE, number=77)
    report = library.index([photos])
    assert (report.new, report.unchanged, report.removed) == (1, 2, 0)
    assert (report.photos, report.faces) == (3, 4)
    assert len(library.faces_of(edited)) == 2


def test_an_edit_that_keeps_size_and_place_is_seen_by_its_time(library, photos):
    path = photos / "a.bmp"
    photo(photos / "a.png", RED, number=1)
    # BMP has one size for all contents.
    import PIL.Image

    PIL.Image.open(photos / "a.png").save(path)
    (photos / "a.png").unlink()
    library.index([photos])
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(1, 10**18))
    assert library.index([photos]).new == 1


def test_a_photo_that_lost_its_face_has_none(library, photos):
    path = photo(photos / "a.png", RED)
    library.index([photos])
    photo(path, number=2)
    report = library.index([photos])
    assert (report.new, report.faces, report.no_face) == (1, 0, 1)
    assert library.faces_of(path) == []


def test_a_touched_photo_costs_no_look_and_did_not_move(library, photos, toys):
    album(photos, 2)
    library.index([photos])
    seen = toys.detector.seen
    os.utime(photos / "p000.png", ns=(1, 1))
    report = library.index([photos])
    assert (report.new, report.moved, report.unchanged) == (0, 0, 2)
    assert library.index([photos]).unchanged == 2
    assert toys.detector.seen == seen


def test_copies_are_looked_at_once(library, photos, toys):
    for number in range(300):
        photo(photos / f"copy{number:03}.png", RED)
    report = library.index([photos], options=IndexOptions(commit_photos=7))
    assert (toys.detector.seen, sum(toys.embedder.batches)) == (1, 1)
    assert (report.new, report.moved, report.photos, report.faces) == (1, 299, 300, 1)
    (face,) = library.faces_of(photos / "copy299.png")
    assert len(face.photo.paths) == 300
    assert library.index([photos]).unchanged == 300


def test_roots_that_overlap_count_once(library, photos):
    album(photos / "a", 3)
    report = library.index([photos, photos / "a", photos / "a" / "p001.png", photos])
    assert (report.photos, report.new, report.faces) == (3, 3, 3)
    assert library.status().photos == 3


def test_without_paths_the_roots_of_earlier_runs_are_meant(library, photos):
    album(photos / "a", 2)
    single = photo(photos / "b" / "single.png", GREEN)
    library.index(photos / "a")
    library.index(str(single))
    photo(photos / "a" / "new.png", BLUE)
    photo(photos / "b" / "other.png", BLUE, number=9)
    report = library.index()
    assert (report.new, report.unchanged, report.photos) == (1, 3, 4)


def test_without_paths_there_must_have_been_an_earlier_run(library):
    with pytest.raises(InvalidValue, match="which folders"):
        library.index()


def test_a_missing_path_stops_before_anything_is_done(library, photos):
    album(photos, 2)
    with pytest.raises(PhotoNotFound, match="gone"):
        library.index([photos, photos / "gone"])
    assert library.status().photos == 0
    with pytest.raises(InvalidValue):
        library.index()


def test_an_empty_folder_and_no_folder_at_all(library, photos):
    for report in (library.index([photos]), library.index([])):
        assert (report.photos, report.new, report.warnings) == (0, 0, ())


def test_hidden_files_come_with_hidden_only(library, photos):
    photo(photos / "seen.png", RED)
    photo(photos / ".hidden" / "a.png", GREEN)
    photo(photos / ".b.png", BLUE)
    assert library.index([photos]).photos == 1
    assert library.index([photos], hidden=True).new == 2
    later = library.index([photos])
    assert (later.photos, later.removed) == (3, 0), "what is merely hidden is not gone"


def test_any_file_name_will_do(library, photos):
    names = ["new\nline.png", "naïve 🧑‍🚀.png", "tab\t.png", "'\";--.png", "%20%00.png"]
    for number, name in enumerate(names):
        photo(photos / name, RED, number=number)
    if os.name == "posix":
        raw = os.fsencode(photos) + b"/\xff\xfe.png"
        Path(os.fsdecode(raw)).write_bytes((photos / names[0]).read_bytes())
    report = library.index([photos])
    assert report.photos == len(names) + (os.name == "posix")
    assert report.failed == 0
    assert library.index([photos]).new == 0
    for path in photos.iterdir():
        assert len(library.faces_of(path)) == 1
        (answer,) = library.query(path).faces
        assert any(str(path) in hit.face.photo.paths for hit in answer.unnamed)


def test_other_detector_options_look_again(library, folder, photos, toys):
    from facesearch.models.base import DetectorOptions

    album(photos, 2)
    (photos / "text.jpg").write_text("not a picture")
    library.index([photos])
    options = toys.options(detector_options=DetectorOptions(smallest_face_px=50))
    with FaceLibrary.open(folder, options=options) as other:
        report = other.index([photos])
        assert (report.new, report.unchanged) == (2, 1), "what is no picture stays none"
        assert other.index([photos]).unchanged == 3
    assert toys.detector.seen == 4


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"embed_batch": 0}, {"commit_photos": -1}])
def test_options_out_of_range(wrong):
    with pytest.raises(InvalidValue, match=next(iter(wrong))):
        IndexOptions(**wrong)


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 5, "embed_batch": 1}])
def test_how_a_run_works_changes_nothing_in_what_it_finds(library, photos, options):
    album(photos, 40, colours=(RED, GREEN, BLUE))
    report = library.index([photos], options=IndexOptions(commit_photos=3, **options))
    assert (report.photos, report.faces, report.new) == (40, 40, 40)
