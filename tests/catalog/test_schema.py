"""The tables that schema.py describes are the tables that migrations make."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from facesearch.catalog import schema


@pytest.fixture
def migrated(empty_library):
    return empty_library / "catalog.sqlite"


@pytest.fixture
def described(tmp_path):
    file = tmp_path / "described.sqlite"
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        for statement in schema.TRIGGERS.values():
            connection.exec_driver_sql(statement)
    engine.dispose()
    return file


def structure(file):
    """Everything SQLite itself says about the tables of a database."""
    with closing(sqlite3.connect(file)) as connection:

        def ask(query):
            return connection.execute(query).fetchall()

        tables = [
            row[1:]
            for row in ask("PRAGMA table_list")
            if row[0] == "main" and not row[1].startswith(("sqlite_", "alembic_"))
        ]
        return {
            name: {
                "kind": sorted([(name, *rest)]),
                "columns": ask(f"PRAGMA table_xinfo({name})"),
                "references": sorted(row[2:] for row in ask(f"PRAGMA foreign_key_list({name})")),
                "indexes": sorted(
                    (
                        row[1] if row[3] == "c" else "",
                        row[2:],
                        [column[2] for column in ask(f"PRAGMA index_info({row[1]})")],
                    )
                    for row in ask(f"PRAGMA index_list({name})")
                ),
                "autoincrement": "AUTOINCREMENT" in definition(connection, name),
                "checks": sorted(
                    re.sub(r"\s", "", check)
                    for check in re.findall(
                        r"CHECK \(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)",
                        definition(connection, name),
                    )
                ),
            }
            for name, *rest in tables
        }


def definition(connection, name):
    query = "SELECT sql FROM sqlite_master WHERE name = ?"
    return " ".join(connection.execute(query, (name,)).fetchone()[0].split())


def test_sqlite_sees_the_same_tables(migrated, described):
    assert structure(migrated) == structure(described)
    assert len(structure(migrated)) == len(schema.metadata.tables)


def test_sqlite_sees_the_same_triggers(migrated):
    with closing(sqlite3.connect(migrated)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        found = {name: definition(connection, name) for (name,) in names.fetchall()}
    assert found == {name: " ".join(sql.split()) for name, sql in schema.TRIGGERS.items()}


def test_alembic_finds_nothing_to_do(migrated):
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_every_table_and_column_is_documented():
    formats = Path(__file__).parents[2] / "docs" / "formats.md"
    if not formats.exists():
        pytest.skip("the documentation is in a checkout only")
    text = formats.read_text(encoding="utf-8")
    for name, table in schema.metadata.tables.items():
        section = re.search(rf"^\*\*{name}\*\*.*?(?=^\*\*|^#|\Z)", text, re.MULTILINE | re.DOTALL)
        assert section, f"docs/formats.md lacks table {name}"
        for column in table.columns:
            assert re.search(rf"\b{column.name}\b", section[0]), f"{name}.{column.name}"
