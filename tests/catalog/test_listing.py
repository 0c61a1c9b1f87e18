"""Files by the handful: the same answers as all at once."""

from __future__ import annotations

import pytest

from facesearch.catalog import listing
from facesearch.errors import UnreadableReason
from facesearch.values import Box, Failure

BOXES = [Box(1, 2, 30, 40)]


@pytest.fixture
def twelve(catalog, result, monkeypatch):
    """Twelve files below /photos and one beside, looked up a few at a time."""
    monkeypatch.setattr(listing, "PAGE_PATHS", 5)
    monkeypatch.setattr(listing, "_PARAMETERS", 5)
    paths = [f"/photos/{number:02}.jpg" for number in range(12)]
    catalog.store(
        [result(path, path, boxes=() if path.endswith("3.jpg") else BOXES) for path in paths]
    )
    catalog.store([result("beside", "/photos-2/a.jpg")])
    return paths


def test_files_at_paths_in_any_number(catalog, twelve):
    found = catalog.files_at([*twelve[2:], "/photos/unknown.jpg"])
    assert list(found) == twelve[2:]
    assert found == {path: catalog.files_at([path])[path] for path in twelve[2:]}
    assert len({known.photo_id for known in found.values()}) == 10
    assert catalog.files_at([]) == {}


def test_paths_come_in_order_from_all_pages(catalog, twelve):
    assert list(catalog.paths_under(["/photos"])) == twelve
    assert list(catalog.paths_under(["/photos-2", "/photos"])) == ["/photos-2/a.jpg", *twelve]
    assert list(catalog.paths_under([twelve[4]])) == [twelve[4]]
    assert list(catalog.paths_under([])) == []


def test_files_may_be_removed_while_paths_are_listed(catalog, twelve):
    seen = []
    for path in catalog.paths_under(["/photos"]):
        catalog.remove_files([path])
        seen.append(path)
    assert seen == twelve
    assert list(catalog.paths_under(["/photos"])) == []


def test_only_photos_with_faces_are_listed_as_such(catalog, twelve):
    expected = ["/photos-2/a.jpg", *(path for path in twelve if not path.endswith("3.jpg"))]
    assert list(catalog.paths_with_faces()) == expected


def test_failures_are_counted_by_reason_once_per_file(catalog, result):
    catalog.store(
        [
            result("1", "/a/1.jpg", "/b/1.jpg", unreadable=UnreadableReason.DAMAGED),
            result("2", "/a/2.jpg", unreadable=UnreadableReason.EMPTY),
            result("3", "/a/3.jpg"),
        ]
    )
    catalog.record_file_failures(
        [Failure("/a/2.jpg", "io-error", ""), Failure("/a/4.jpg", "no-permission", "")]
    )
    assert catalog.failure_reasons(["/a"]) == {"damaged": 1, "io-error": 1, "no-permission": 1}
    assert catalog.failure_reasons(["/a/2.jpg", "/b"]) == {"damaged": 1, "io-error": 1}
    assert sum(catalog.failure_reasons(["/"]).values()) == catalog.counts().failed
    assert catalog.failure_reasons(["/elsewhere"]) == {}
