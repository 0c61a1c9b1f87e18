"""Photos that cannot be read: reported, remembered while that holds, never in the way."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
import toys as toy
from toys import GREEN, RED, album, photo

from facesearch import indexing, pipeline
from facesearch.errors import PhotoUnreadable, UnreadableReason
from facesearch.indexing import IndexOptions
from facesearch.library import FaceLibrary
from facesearch.photos.decode import DecodeLimits


def reasons(library) -> dict[str, str]:
    return {failure.path.rpartition("/")[2]: failure.reason for failure in library.failures()}


def test_every_kind_of_bad_photo(library, photos):
    whole = io.BytesIO()
    toy.draw(RED).convert("RGB").save(whole, "JPEG")
    png = photo(photos / "good.png", RED).read_bytes()
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "empty too.png").write_bytes(b"")
    (photos / "text.jpg").write_text("Dear diary, this is no picture.")
    (photos / "cut.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    (photos / "cut.png").write_bytes(png[: len(png) // 2])
    (photos / "zeros.jpg").write_bytes(bytes(1000))
    report = library.index([photos])
    assert (report.photos, report.failed, report.faces) == (7, 6, 1)
    assert reasons(library) == {
        "empty.jpg": "empty",
        "empty too.png": "empty",
        "text.jpg": "not-an-image",
        "cut.jpg": "damaged",
        "cut.png": "damaged",
        "zeros.jpg": "not-an-image",
    }
    assert report.failed_by_reason == {"damaged": 2, "empty": 2, "not-an-image": 2}
    assert all(failure.detail for failure in library.failures())
    assert library.index([photos]).unchanged == 7


def test_a_repaired_photo_is_read(library, photos):
    path = photos / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    assert library.index([photos]).failed == 1
    photo(path, RED)
    report = library.index([photos])
    assert (report.new, report.failed, report.faces) == (1, 0, 1)
    assert library.failures() == []


def test_too_large_photos_are_tried_again_once_the_limit_is_raised(folder, photos, toys):
    photo(photos / "large.png", RED, side=120)
    photo(photos / "small.png", GREEN)
    (photos / "text.jpg").write_text("no picture at any size")
    low, high = DecodeLimits(max_pixels=100 * 100), DecodeLimits(max_pixels=200 * 200)
    with FaceLibrary.open(folder, options=toys.options(limits=low)) as library:
        assert library.index([photos]).failed_by_reason == {"not-an-image": 1, "too-large": 1}
        assert library.index([photos]).unchanged == 3
    with FaceLibrary.open(folder, options=toys.options(limits=high)) as library:
        report = library.index([photos])
        assert (report.faces, report.failed_by_reason) == (2, {"not-an-image": 1})
        assert library.index([photos]).unchanged == 3
    assert toys.detector.seen == 2


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def test_a_bomb_is_refused_by_its_header(library, photos):
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))  # the rest is not needed to refuse it
    (photos / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND")
    )
    assert library.index([photos]).failed_by_reason == {"too-large": 1}


def test_too_many_bytes_are_refused_and_tried_again(folder, photos, toys):
    path = photo(photos / "a.png", RED)
    low = DecodeLimits(max_bytes=path.stat().st_size - 1)
    with FaceLibrary.open(folder, options=toys.options(limits=low)) as library:
        for _ in range(2):
            assert library.index([photos]).failed_by_reason == {"too-large": 1}
    with FaceLibrary.open(folder, options=toys.options()) as library:
        assert library.index([photos]).faces == 1
        assert library.failures() == []


def fails_with(reason: UnreadableReason):
    def read(path, *, max_bytes):
        raise PhotoUnreadable(path, reason, "so the test says")

    return read


def test_a_file_that_vanishes_before_it_is_read(library, photos, monkeypatch):
    album(photos, 3)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "read_photo", fails_with(UnreadableReason.VANISHED))
        report = library.index([photos])
    assert (report.photos, report.failed, report.new) == (0, 0, 0)
    (warning,) = report.warnings
    assert "3 files vanished" in warning
    assert library.failures() == []
    assert library.index([photos]).new == 3


def test_known_files_that_vanish_stay_until_a_walk_misses_them(library, photos, monkeypatch):
    """A disk may be pulled out in the middle of a run; that loses nothing either."""
    album(photos, 3)
    library.index([photos])
    photo(photos / "p000.png", GREEN, number=50)

    def pulled_out(path, *, max_bytes):
        (photos / "p000.png").unlink()
        raise PhotoUnreadable(path, UnreadableReason.VANISHED, "it is no longer there")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "read_photo", pulled_out)
        report = library.index([photos])
    assert (report.removed, report.photos) == (0, 3)
    assert library.index([photos]).removed == 1


def test_a_file_deleted_while_the_run_goes_on(library, photos, toys):
    album(photos, 30)

    def delete(image):
        (photos / "p029.png").unlink(missing_ok=True)

    toys.detector.hook = delete
    report = library.index([photos], options=IndexOptions(workers=1))
    assert (report.new, report.failed, report.photos) == (29, 0, 29)
    assert "1 files vanished" in report.warnings[0]


@pytest.mark.parametrize("reason", [UnreadableReason.IO_ERROR, UnreadableReason.NO_PERMISSION])
def test_what_is_out_of_reach_is_tried_every_time(library, photos, monkeypatch, reason):
    album(photos, 2)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "read_photo", fails_with(reason))
        assert library.index([photos]).failed_by_reason == {reason.value: 2}
        (photos / "p001.png").rename(photos / "elsewhere.png")
        assert library.index([photos]).failed == 2
        assert {path.partition(".")[0] for path in reasons(library)} == {"p000", "elsewhere"}
    report = library.index([photos])
    assert (report.new, report.failed, report.faces) == (2, 0, 2)
    assert library.failures() == []


def test_lack_of_memory_says_nothing_about_the_photo(library, photos, monkeypatch, toys):
    """Nor about its copies, which wait for the first of them."""
    for number in range(5):
        photo(photos / f"copy{number}.png", RED)

    started = []

    def counted(*args, **options):
        started.append(pipeline.Pipeline(*args, **options))
        return started[-1]

    def out_of_memory(data, name, limits):
        raise PhotoUnreadable(name, UnreadableReason.IO_ERROR, "not enough memory to decode it")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "open_photo", out_of_memory)
        patch.setattr(indexing, "Pipeline", counted)
        report = library.index([photos])
        assert (report.failed, report.photos, report.new) == (5, 5, 0)
        assert len(started) == 2, "the copies were not tried together"
    report = library.index([photos])
    assert (report.new, report.moved, report.failed, report.faces) == (1, 4, 0, 1)
    assert toys.detector.seen == 1


def test_progress_counts_failures(library, photos):
    album(photos, 2)
    (photos / "text.jpg").write_text("no picture")
    told = []
    library.index([photos], on_progress=told.append)
    assert told[-1].failed == 1
