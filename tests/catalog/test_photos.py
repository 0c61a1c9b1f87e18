"""Storing results: once, whole, and with their consequences."""

from __future__ import annotations

import numpy as np
import pytest

from facesearch.catalog import PhotoResult, Stored
from facesearch.errors import InvalidValue, UnreadableReason
from facesearch.values import Box, PhotoState, Size

LEFT, RIGHT = Box(10, 10, 100, 100), Box(300, 10, 80, 80)


def test_a_stored_face_comes_back_as_it_was(catalog, result):
    one = result("1", "/photos/b.jpg", "/photos/a.jpg", boxes=[LEFT])
    assert catalog.store([one]) == Stored(new=1, faces=1)
    (face,) = catalog.faces_of_photo("/photos/a.jpg")
    assert face.box == LEFT
    assert face.detection_score == 0.75
    np.testing.assert_array_equal(face.landmarks.points, one.faces[0].detection.landmarks.points)
    assert face.photo.content_hash == one.content_hash
    assert face.photo.size == Size(640, 480)
    assert face.photo.paths == ("/photos/a.jpg", "/photos/b.jpg")
    (batch,) = catalog.embeddings("toy@1")
    assert batch.ids.tolist() == [face.id]
    np.testing.assert_array_equal(batch.vectors[0], one.faces[0].embedding.vector)


def test_results_are_found_by_content(catalog, result):
    ones = [result("1"), result("2", boxes=()), result("3", unreadable=UnreadableReason.EMPTY)]
    catalog.store(ones)
    unknown = result("4").content_hash
    found = catalog.photos_by_hash([one.content_hash for one in ones] + [unknown])
    assert [found[one.content_hash].state for one in ones] == list(PhotoState)
    assert unknown not in found
    assert catalog.photo_by_hash(unknown) is None
    assert catalog.photo_by_hash(ones[0].content_hash) == found[ones[0].content_hash]


def test_storing_again_changes_nothing_but_the_files(catalog, result):
    catalog.store([result("1", "/photos/a.jpg", boxes=[LEFT, RIGHT])])
    before = catalog.faces_of_photo("/photos/a.jpg")
    assert catalog.store([result("1", "/photos/b.jpg", boxes=[LEFT, RIGHT])]) == Stored(attached=1)
    after = catalog.faces_of_photo("/photos/b.jpg")
    assert [face.id for face in after] == [face.id for face in before]
    assert after[0].photo.paths == ("/photos/a.jpg", "/photos/b.jpg")
    assert catalog.generation("toy@1") == (2, 0)


def test_the_same_content_twice_in_one_batch_is_one_photo(catalog, result):
    twice = [result("1", "/photos/a.jpg"), result("1", "/photos/b.jpg")]
    assert catalog.store(twice) == Stored(new=1, attached=1, faces=1)
    assert catalog.counts().photos == 1


def test_another_detector_replaces_the_faces(catalog, result):
    catalog.store([result("1", boxes=[LEFT])])
    (old,) = catalog.faces_of_photo("/photos/1.jpg")
    newer = result("1", boxes=[LEFT, RIGHT], detector="detector@2")
    assert catalog.store([newer]) == Stored(replaced=1, faces=2)
    faces = catalog.faces_of_photo("/photos/1.jpg")
    assert [face.box for face in faces] == [LEFT, RIGHT]
    assert old.id not in {face.id for face in faces}
    assert catalog.files_at(["/photos/1.jpg"])["/photos/1.jpg"].detector == "detector@2"
    changes = catalog.changes_since("toy@1", 1, 0)
    assert changes.removed_ids.tolist() == [old.id]
    assert [batch.ids.tolist() for batch in changes.batches] == [[face.id for face in faces]]


def test_another_detector_may_find_nothing(catalog, result):
    catalog.store([result("1")])
    catalog.store([result("1", boxes=(), detector="detector@2")])
    assert catalog.faces_of_photo("/photos/1.jpg") == []
    assert catalog.counts().no_face == 1


def test_content_that_became_readable_replaces_the_failure(catalog, result):
    catalog.store([result("1", unreadable=UnreadableReason.UNSUPPORTED)])
    assert catalog.store([result("1")]) == Stored(replaced=1, faces=1)
    assert catalog.failures() == []
    assert catalog.store([result("1", unreadable=UnreadableReason.DAMAGED)]) == Stored(attached=1)
    assert catalog.counts().faces == 1


def test_an_edited_file_leaves_its_old_content(catalog, result):
    catalog.store([result("old", "/photos/a.jpg")])
    (old,) = catalog.faces_of_photo("/photos/a.jpg")
    stored = catalog.store([result("new", "/photos/a.jpg")])
    assert stored == Stored(new=1, faces=1, dropped=1)
    (new,) = catalog.faces_of_photo("/photos/a.jpg")
    assert new.photo.id != old.photo.id
    assert catalog.faces_by_id([old.id]) == {}


def test_two_files_that_swap_their_contents_lose_nothing(catalog, result):
    catalog.store([result("1", "/photos/a.jpg"), result("2", "/photos/b.jpg")])
    before = catalog.largest_faces(["/photos/a.jpg", "/photos/b.jpg"])
    swapped = catalog.store([result("1", "/photos/b.jpg"), result("2", "/photos/a.jpg")])
    assert swapped == Stored(attached=2)
    after = catalog.largest_faces(["/photos/b.jpg", "/photos/a.jpg"])
    assert list(after.values()) == list(before.values())


def test_ids_are_never_used_again(catalog, result):
    seen: set[int] = set()
    for number in range(3):
        catalog.store([result(str(number))])
        (face,) = catalog.faces_of_photo(f"/photos/{number}.jpg")
        assert face.id not in seen
        seen.add(face.id)
        catalog.remove_files([f"/photos/{number}.jpg"])


def test_a_second_space_is_added_to_the_faces_that_are_there(catalog, result):
    catalog.store([result("1", boxes=[LEFT, RIGHT])])
    ids = [face.id for face in catalog.faces_of_photo("/photos/1.jpg")]
    other = result("1", boxes=[RIGHT, LEFT], space="toy@2", dimension=4)
    for _ in range(2):
        assert catalog.store([other]) == Stored(attached=1)
    assert [(space.name, space.dimension, space.count) for space in catalog.spaces()] == [
        ("toy@1", 8, 2),
        ("toy@2", 4, 2),
    ]
    (batch,) = catalog.embeddings("toy@2")
    vectors = dict(zip(batch.ids.tolist(), batch.vectors, strict=True))
    np.testing.assert_array_equal(vectors[ids[1]], other.faces[0].embedding.vector)
    np.testing.assert_array_equal(vectors[ids[0]], other.faces[1].embedding.vector)


def test_a_batch_is_stored_wholly_or_not_at_all(catalog, result):
    catalog.store([result("1")])
    with pytest.raises(InvalidValue, match="8 dimensions"):
        catalog.store([result("2"), result("3", dimension=5)])
    assert catalog.counts().photos == 1
    assert catalog.generation("toy@1") == (1, 0)
    assert catalog.store([result("2")]) == Stored(new=1, faces=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"content_hash": "12"}, "64 hexadecimal"),
        ({"content_hash": "zz" * 32}, "64 hexadecimal"),
        ({"files": ()}, "at least one file"),
        ({"faces": ()}, "0 faces"),
        ({"reason": UnreadableReason.EMPTY}, "reason"),
        ({"size": None}, "size"),
    ],
)
def test_a_result_that_contradicts_itself_is_refused(result, changes, message):
    good = result("1")
    parts = {name: getattr(good, name) for name in good.__slots__} | changes
    with pytest.raises(InvalidValue, match=message):
        PhotoResult(**parts)
