"""Named faces as references: which are too poor, and embeddings with their people."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from facesearch.catalog import EmbeddedFace, migrate
from facesearch.catalog.catalog import Catalog
from facesearch.errors import LibraryDamaged
from facesearch.quality import REFERENCE_MIN, ChipMeasures, graded
from facesearch.values import Box, Detection, Landmarks, PoorFace

GOOD, POOR = Box(10, 20, 100, 120), Box(300, 20, 9, 11)
MEASURED = ChipMeasures(sharpness=0.1, brightness=0.5, contrast=0.15)
FRONTAL = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.33, 0.83), (0.67, 0.83)])


def measured(result, **changes):
    """The same result with frontal landmarks in each box and qualities."""
    faces = []
    for face in result.faces:
        box = face.detection.box
        points = FRONTAL * (box.width, box.height) + (box.x, box.y)
        landmarks = Landmarks(points.astype(np.float32))
        quality = graded(dataclasses.replace(MEASURED, **changes), landmarks, 0.9)
        faces.append(EmbeddedFace(Detection(box, landmarks, 0.9), face.embedding, quality))
    return dataclasses.replace(result, faces=tuple(faces))


@pytest.fixture
def two_of_ana(catalog, result):
    """A good and a poor face, both Ana's; the larger one has the lower id."""
    catalog.store([measured(result("1", boxes=[GOOD, POOR]))])
    good, poor = catalog.faces_of_photo("/photos/1.jpg")
    catalog.confirm(good.id, "Ana")
    catalog.confirm(poor.id, "Ana")
    return good, poor


def test_quality_comes_back_as_it_was_stored(catalog, result):
    stored = measured(result("1"))
    catalog.store([stored, result("2")])
    (face,) = catalog.faces_of_photo("/photos/1.jpg")
    assert face.quality == stored.faces[0].quality
    assert catalog.faces_of_photo("/photos/2.jpg")[0].quality is None


def test_poor_faces_keep_their_names_and_are_listed_with_reasons(catalog, two_of_ana):
    good, poor = two_of_ana
    assert good.quality.value >= REFERENCE_MIN > poor.quality.value
    assert {who.name for who in catalog.identities_of([good.id, poor.id]).values()} == {"Ana"}
    assert catalog.poor_faces([good.id, poor.id, 99]) == {poor.id}
    (one,) = catalog.poor_references()
    assert (one.face_id, one.identity.name, one.path) == (poor.id, "Ana", "/photos/1.jpg")
    assert one.quality == poor.quality
    assert one.quality.problems[0] is PoorFace.TOO_SMALL


def test_faces_that_were_never_measured_serve_as_reference(catalog, result):
    catalog.store([result("1")])
    (face,) = catalog.faces_of_photo("/photos/1.jpg")
    catalog.confirm(face.id, "Ana")
    assert catalog.poor_faces([face.id]) == set()
    assert catalog.poor_references() == []
    assert catalog.labelled_vectors("toy@1").usable.tolist() == [True]


def test_labelled_vectors_know_photo_person_and_whether_they_are_usable(
    catalog, result, two_of_ana
):
    catalog.store([result("2"), result("3", space="other@1")])
    good, poor = two_of_ana
    found = catalog.labelled_vectors("toy@1")
    (nobody,) = catalog.faces_of_photo("/photos/2.jpg")
    (ana, _) = catalog.identities()[0]
    assert found.face_ids.tolist() == [good.id, poor.id, nobody.id]
    assert found.photo_ids.tolist() == [good.photo.id, good.photo.id, nobody.photo.id]
    assert found.identity_ids.tolist() == [ana.id, ana.id, 0]
    assert found.usable.tolist() == [True, False, True]
    (batch,) = catalog.embeddings("toy@1")
    assert found.vectors.tolist() == batch.vectors.tolist()
    nothing = catalog.labelled_vectors("nowhere@1")
    assert (len(nothing.face_ids), len(nothing.vectors)) == (0, 0)


def test_a_limit_keeps_whole_photos(catalog, result):
    catalog.store([result(str(number), boxes=[GOOD, POOR]) for number in range(40)])
    found = catalog.labelled_vectors("toy@1", limit=20)
    photos, faces = np.unique(found.photo_ids, return_counts=True)
    assert (len(photos), set(faces)) == (10, {2})
    assert len(catalog.labelled_vectors("toy@1", limit=80).face_ids) == 80


def test_a_damaged_embedding_is_said(catalog, result, folder):
    catalog.store([result("1")])
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER embeddings_fixed")
        connection.execute("UPDATE embeddings SET vector = zeroblob(32)")
    with pytest.raises(LibraryDamaged, match="length 0"):
        catalog.labelled_vectors("toy@1")


def test_a_library_without_qualities_is_migrated_and_measured_when_looked_at_again(
    folder, result, monkeypatch
):
    with monkeypatch.context() as earlier:
        earlier.setattr(migrate, "HEAD", "0001")
        Catalog.open(folder, create=True, read_only=False).close()
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection, connection:
        old = result("1")
        connection.execute(
            "INSERT INTO photos VALUES (1, ?, 640, 480, 'faces', NULL, NULL, 'detector@0', 0)",
            (bytes.fromhex(old.content_hash),),
        )
        connection.execute("INSERT INTO files VALUES (?, 1, 1000, 1)", (b"/photos/1.jpg",))
        connection.execute(
            "INSERT INTO faces VALUES (1, 1, ?, ?, ?, ?, zeroblob(40), 0.75)",
            (GOOD.x, GOOD.y, GOOD.width, GOOD.height),
        )
    with Catalog.open(folder, create=False, read_only=False) as catalog:
        assert catalog.schema_revision == migrate.HEAD
        assert catalog.face(1).quality is None
        catalog.confirm(1, "Ana")
        catalog.store([measured(old)])
        (face,) = catalog.faces_of_photo("/photos/1.jpg")
        assert face.quality is not None
        assert catalog.identities_of([face.id])[face.id].name == "Ana"
        catalog.check()
