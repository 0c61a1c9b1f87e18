"""What a library remembers about itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from facesearch.catalog import Catalog, migrate
from facesearch.errors import LibraryReadOnly


def test_settings_stay_until_they_are_changed(catalog, folder):
    assert catalog.settings() == {}
    catalog.change_settings({"space": "a@1", "embedder": "a"})
    catalog.change_settings({"space": "b@1", "detector": "d"})
    expected = {"space": "b@1", "embedder": "a", "detector": "d"}
    assert catalog.settings() == expected
    with Catalog.open(folder, create=False, read_only=True) as reading:
        assert reading.settings() == expected
        reading.change_settings({"space": "b@1"})  # nothing to write
        with pytest.raises(LibraryReadOnly):
            reading.change_settings({"space": "c@1"})


def test_a_library_without_settings_is_migrated(tmp_path, monkeypatch):
    folder = tmp_path / "old"
    with monkeypatch.context() as earlier:
        earlier.setattr(migrate, "HEAD", "0002")
        Catalog.open(folder, create=True, read_only=False).close()
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection, connection:
        connection.execute("INSERT INTO spaces (name, dimension) VALUES ('a@1', 8)")
    with Catalog.open(folder, create=False, read_only=False) as catalog:
        assert catalog.schema_revision == migrate.HEAD
        assert (catalog.settings(), [one.name for one in catalog.spaces()]) == ({}, ["a@1"])
        catalog.change_settings({"space": "a@1"})
        catalog.check()
    assert len(list(folder.glob("catalog.sqlite.backup-0002-*"))) == 1
