"""Embeddings and how an index keeps up with them."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facesearch.catalog import Catalog, SpaceInfo
from facesearch.errors import IndexDamaged, InvalidValue, LibraryDamaged
from facesearch.values import Box, Embedding

SPACE = "toy@1"


class Follower:
    """A vector index reduced to what the catalog promises it."""

    def __init__(self):
        self.rows: dict[int, bytes] = {}
        self.generation = (0, 0)

    def catch_up(self, catalog, batch_rows=3):
        changes = catalog.changes_since(SPACE, *self.generation, batch_rows=batch_rows)
        for face_id in changes.removed_ids.tolist():
            self.rows.pop(face_id, None)
        for batch in changes.batches:
            for face_id, vector in zip(batch.ids.tolist(), batch.vectors, strict=True):
                assert face_id not in self.rows
                self.rows[face_id] = vector.tobytes()
        self.generation = (changes.added, changes.removed)


def everything(catalog):
    return {
        face_id: vector.tobytes()
        for batch in catalog.embeddings(SPACE)
        for face_id, vector in zip(batch.ids.tolist(), batch.vectors, strict=True)
    }


def test_an_unknown_space_is_empty(catalog):
    assert catalog.spaces() == []
    assert catalog.generation(SPACE) == (0, 0)
    assert list(catalog.embeddings(SPACE)) == []


def test_a_space_has_one_dimension(catalog):
    catalog.ensure_space(SPACE, 8)
    catalog.ensure_space(SPACE, 8)
    assert catalog.spaces() == [SpaceInfo(SPACE, 8, 0)]
    with pytest.raises(InvalidValue, match="8 dimensions"):
        catalog.ensure_space(SPACE, 9)


def test_embeddings_come_in_batches_of_arrays(catalog, result):
    catalog.store([result(str(number)) for number in range(10)])
    batches = list(catalog.embeddings(SPACE, batch_rows=4))
    assert [batch.vectors.shape for batch in batches] == [(4, 8), (4, 8), (2, 8)]
    assert {(batch.ids.dtype, batch.vectors.dtype) for batch in batches} == {
        (np.dtype(np.int64), np.dtype(np.float32))
    }
    assert np.concatenate([batch.ids for batch in batches]).tolist() == list(range(1, 11))


def test_generations_only_grow(catalog, result):
    catalog.store([result("1"), result("2")])
    catalog.remove_files(["/photos/2.jpg"])
    assert catalog.generation(SPACE) == (2, 1)
    catalog.remove_files(["/photos/1.jpg"])
    assert catalog.generation(SPACE) == (2, 2)
    catalog.store([result("3")])
    assert catalog.generation(SPACE) == (3, 2)
    assert catalog.spaces() == [SpaceInfo(SPACE, 8, 1)]


def test_the_generation_of_a_space_is_its_own(catalog, result):
    catalog.store([result("1"), result("2", space="toy@2"), result("3")])
    catalog.remove_files(["/photos/2.jpg"])
    assert catalog.generation(SPACE) == (3, 0)
    assert catalog.generation("toy@2") == (2, 1)
    assert set(everything(catalog)) == {1, 3}
    assert catalog.changes_since(SPACE, 0, 0).removed_ids.tolist() == []


def test_an_index_ahead_of_the_catalog_must_be_rebuilt(catalog, result):
    catalog.store([result("1")])
    for ahead in ((2, 0), (1, 1)):
        with pytest.raises(IndexDamaged, match="rebuild"):
            catalog.changes_since(SPACE, *ahead)


def test_rows_that_go_while_they_are_read_are_told_the_next_time(catalog, result):
    catalog.store([result(str(number)) for number in range(9)])
    follower = Follower()
    changes = catalog.changes_since(SPACE, 0, 0, batch_rows=3)
    seen = next(changes.batches).ids.tolist()
    catalog.remove_files(["/photos/1.jpg", "/photos/7.jpg"])
    catalog.store([result("new")])
    for batch in changes.batches:
        seen += batch.ids.tolist()
    assert seen == [1, 2, 3, 4, 5, 6, 7, 9]
    follower.rows = {face_id: everything(catalog).get(face_id, b"") for face_id in seen}
    follower.generation = (changes.added, changes.removed)
    follower.catch_up(catalog)
    assert follower.rows == everything(catalog)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["store", "look again", "remove", "catch up"]), st.integers(0, 5)
        ),
        max_size=20,
    )
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_an_index_that_catches_up_now_and_then_holds_what_the_catalog_holds(
    tmp_path_factory, empty_library, result, steps
):
    library = tmp_path_factory.mktemp("follow") / "library"
    follower = Follower()
    shutil.copytree(empty_library, library)
    with Catalog.open(library, create=False, read_only=False) as catalog:
        for count, (step, number) in enumerate(steps):
            if step == "store":
                catalog.store([result(str(number))])
            elif step == "look again":
                boxes = [Box(1, 2, 30, 40), Box(60, 60, 9, 9)]
                again = result(str(number), boxes=boxes, detector=f"detector@{count}")
                catalog.store([again])
            elif step == "remove":
                catalog.remove_files([f"/photos/{number}.jpg"])
            else:
                follower.catch_up(catalog)
        follower.catch_up(catalog)
        assert follower.rows == everything(catalog)
        assert follower.generation == catalog.generation(SPACE)


def test_an_embedding_is_never_changed_in_place(catalog, result, folder):
    catalog.store([result("1")])
    with (
        closing(sqlite3.connect(folder / "catalog.sqlite")) as connection,
        pytest.raises(sqlite3.IntegrityError, match="never changed in place"),
    ):
        connection.execute("UPDATE embeddings SET vector = x'00'")


@pytest.mark.parametrize("bad", [b"\0" * 32, b"\xff" * 32, b"short"])
def test_an_embedding_that_cannot_be_right_is_damage(catalog, result, folder, bad):
    catalog.store([result("1"), result("2")])
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection:
        connection.execute("DELETE FROM embeddings WHERE id = 2")
        connection.execute(
            "INSERT INTO embeddings (face_id, space_id, vector) VALUES (2, 1, ?)", (bad,)
        )
        connection.commit()
    with pytest.raises(LibraryDamaged, match="embedding"):
        list(catalog.embeddings(SPACE))


def test_photos_outside_a_space_have_a_face_that_it_lacks(catalog, result):
    catalog.store([result("1"), result("2", space="other@1"), result("3", boxes=())])
    (outside,) = catalog.faces_of_photo("/photos/2.jpg")
    assert catalog.photos_outside("toy@1") == {outside.photo.id}
    assert len(catalog.photos_outside("nowhere@1")) == 2


# Dropping


def test_dropping_a_space_leaves_nothing_of_it_and_all_of_the_others(catalog, result, folder):
    catalog.store([result(str(number)) for number in range(5)])
    catalog.store([result(str(number), space="other@1") for number in range(5, 12)])
    catalog.store_calibration(SPACE, "{}")
    catalog.store_calibration("other@1", "{}")
    assert catalog.drop_space("other@1", batch_rows=2) == 7
    assert catalog.spaces() == [SpaceInfo(SPACE, 8, 5), SpaceInfo("other@1", 8, 0)]
    assert list(catalog.embeddings("other@1")) == []
    assert (catalog.calibration("other@1"), catalog.calibration(SPACE)) == (None, "{}")
    assert set(everything(catalog)) == {1, 2, 3, 4, 5}
    assert catalog.counts().faces == 12
    catalog.check()
    assert catalog.drop_space("other@1") == catalog.drop_space("nowhere@1") == 0


def test_the_bytes_of_dropped_embeddings_are_gone_from_the_file(catalog, result, folder):
    catalog.store([result("1", space="other@1"), result("2")])
    ((gone,), (kept,)) = (
        [vector.tobytes() for batch in catalog.embeddings(space) for vector in batch.vectors]
        for space in ("other@1", SPACE)
    )
    catalog.drop_space("other@1")
    with catalog._database._lent() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    content = (folder / "catalog.sqlite").read_bytes()
    assert kept in content
    assert gone not in content


def test_dropping_that_stops_half_way_is_finished_by_the_next(catalog, result, monkeypatch):
    catalog.store([result(str(number), space="other@1") for number in range(10)])
    catalog.store([result("mine")])
    write, left = type(catalog._database).write, [3]

    def breaks_off(database, **options):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return write(database, **options)

    with monkeypatch.context() as patch:
        patch.setattr(type(catalog._database), "write", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            catalog.drop_space("other@1", batch_rows=2)
    assert catalog.spaces()[0] == SpaceInfo("other@1", 8, 6)
    assert catalog.drop_space("other@1", batch_rows=4) == 6
    assert catalog.spaces() == [SpaceInfo("other@1", 8, 0), SpaceInfo(SPACE, 8, 1)]


def test_an_index_from_before_a_space_was_dropped_catches_up(catalog, result):
    """Filled again, the space is ahead of it, and says which of its rows went."""
    catalog.store([result(str(number)) for number in range(5)])
    follower = Follower()
    follower.catch_up(catalog)
    before = follower.generation
    catalog.drop_space(SPACE, batch_rows=2)
    assert everything(catalog) == {}
    vectors = {photo.faces[0].id: photo.faces[0] for photo in catalog.bare_photos(SPACE)}
    turned = np.roll(np.eye(8, dtype=np.float32)[0], 3)
    catalog.add_embeddings(SPACE, [(face, Embedding(turned, SPACE)) for face in vectors.values()])
    added, removed = catalog.generation(SPACE)
    assert (added > before[0], removed > before[1]) == (True, True)
    follower.catch_up(catalog)
    assert follower.rows == everything(catalog)
    assert set(follower.rows.values()) == {turned.tobytes()}
