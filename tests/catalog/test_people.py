"""Names and decisions: what was decided stays decided."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facesearch.catalog import Catalog, DecisionOrigin
from facesearch.errors import InvalidValue, UnknownIdentity
from facesearch.values import Box

USER, FOLDER = DecisionOrigin.USER, DecisionOrigin.FOLDER
LEFT, RIGHT = Box(10, 10, 100, 100), Box(300, 10, 80, 80)


@pytest.fixture
def faces(catalog, result):
    """The ids of the two faces of photo 1."""
    catalog.store([result("1", boxes=[LEFT, RIGHT])])
    return [face.id for face in catalog.faces_of_photo("/photos/1.jpg")]


def decisions(folder):
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection:
        return connection.execute("SELECT count(*) FROM decisions").fetchone()[0]


def names(catalog):
    return {
        face.box: person.name
        for face in catalog.faces_of_photo("/photos/1.jpg")
        for person in catalog.identities_of([face.id]).values()
    }


def test_a_confirmed_face_has_a_name(catalog, faces):
    ana = catalog.confirm(faces[0], "Ana", USER)
    assert catalog.identities_of(faces) == {faces[0]: ana}
    assert catalog.identities() == [(ana, 1)]
    assert catalog.identity_face_ids(ana.id) == [faces[0]]
    assert catalog.identity_named("ana") == ana
    assert catalog.identity_named("Bo") is None


def test_capitals_and_spaces_do_not_make_another_person(catalog, faces):
    first = catalog.confirm(faces[0], "  Ana \t Cop\N{COMBINING CARON} ", USER)
    assert first.name == "Ana Cop\N{COMBINING CARON}"
    second = catalog.confirm(faces[1], "ANA cop\N{COMBINING CARON}", USER)
    assert second == first
    assert catalog.identities() == [(first, 2)]


def test_composed_and_decomposed_letters_are_one_name(catalog, faces):
    first = catalog.confirm(faces[0], "Zoe\N{COMBINING DIAERESIS}", USER)
    assert first.name == "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}"
    assert catalog.confirm(faces[1], first.name, USER) == first


@pytest.mark.parametrize("name", ["", "  ", "\n\t\x00"])
def test_a_name_needs_something_to_see(catalog, faces, name):
    with pytest.raises(InvalidValue, match="visible"):
        catalog.confirm(faces[0], name, USER)
    assert catalog.confirm_from_folders([(faces[0], name)]) == 0


@pytest.mark.parametrize(
    ("name", "kept"), [("m\udcfcller", "m\\xfcller"), ("a\nb", "a b"), ("\ud800", "\\ud800")]
)
def test_any_folder_name_can_be_kept(catalog, faces, name, kept):
    assert catalog.confirm(faces[0], name, FOLDER).name == kept


def test_an_unknown_face_cannot_be_named(catalog, faces):
    with pytest.raises(UnknownIdentity, match="face 99"):
        catalog.confirm(99, "Ana", USER)
    assert catalog.confirm_from_folders([(99, "Ana"), (faces[0], "Bo")]) == 1
    assert catalog.identity_named("Ana") is None


def test_the_user_may_think_again(catalog, faces, folder):
    catalog.confirm(faces[0], "Ana", USER)
    bo = catalog.confirm(faces[0], "Bo", USER)
    assert catalog.identities() == [(bo, 1)]
    assert catalog.identity_named("Ana") is not None
    assert decisions(folder) == 2


def test_a_folder_never_overrules_the_user(catalog, faces, folder):
    ana = catalog.confirm(faces[0], "Ana", USER)
    assert catalog.confirm(faces[0], "Bo", FOLDER) == ana
    assert catalog.confirm_from_folders([(faces[0], "Bo")]) == 0
    assert catalog.identities() == [(ana, 1)]
    assert decisions(folder) == 1


def test_the_user_overrules_a_folder(catalog, faces):
    catalog.confirm_from_folders([(faces[0], "Bo"), (faces[1], "Bo")])
    catalog.confirm(faces[0], "Ana", USER)
    assert names(catalog) == {LEFT: "Ana", RIGHT: "Bo"}


def test_a_later_folder_beats_an_earlier_one(catalog, faces):
    assert catalog.confirm_from_folders([(faces[0], "Ana")]) == 1
    assert catalog.confirm_from_folders([(faces[0], "Bo")]) == 1
    assert names(catalog) == {LEFT: "Bo"}


def test_what_is_known_is_not_written_again(catalog, faces, folder):
    for _ in range(2):
        catalog.confirm_from_folders([(faces[0], "Ana")])
    assert decisions(folder) == 1
    for _ in range(2):
        catalog.confirm(faces[0], "ana", USER)  # now on better authority
    assert decisions(folder) == 2
    catalog.confirm_from_folders([(faces[0], "Ana")])
    assert decisions(folder) == 2


def test_copies_in_the_folders_of_two_people_do_not_take_turns(catalog, faces, folder):
    both = [(faces[0], "Ana"), (faces[0], "Bo")]
    assert catalog.confirm_from_folders(both) == 1
    assert catalog.confirm_from_folders(both[::-1]) == 0
    assert names(catalog) == {LEFT: "Ana"}


def test_names_survive_another_detector(catalog, faces, result):
    catalog.confirm(faces[0], "Ana", USER)
    catalog.confirm(faces[1], "Bo", FOLDER)
    nearly_left = Box(18, 14, 96, 104)
    elsewhere = Box(500, 300, 60, 60)
    catalog.store([result("1", boxes=[nearly_left, elsewhere], detector="detector@2")])
    assert names(catalog) == {nearly_left: "Ana"}
    catalog.store([result("1", boxes=[RIGHT, LEFT], detector="detector@3")])
    assert names(catalog) == {LEFT: "Ana", RIGHT: "Bo"}


def test_names_return_with_a_deleted_photo(catalog, faces, result):
    ana = catalog.confirm(faces[0], "Ana", USER)
    catalog.remove_files(["/photos/1.jpg"])
    assert catalog.identities() == []
    assert catalog.counts().identities == 0
    catalog.store([result("1", "/photos/back.jpg", boxes=[LEFT, RIGHT])])
    assert catalog.identities() == [(ana, 1)]


def test_the_user_still_beats_the_folder_after_another_detector(catalog, faces, result):
    catalog.confirm(faces[0], "Ana", USER)
    catalog.store([result("1", boxes=(), detector="detector@2")])
    catalog.store([result("1", boxes=[LEFT], detector="detector@3")])
    assert (
        catalog.confirm_from_folders(
            [(catalog.largest_faces(["/photos/1.jpg"])["/photos/1.jpg"], "Bo")]
        )
        == 0
    )
    assert names(catalog) == {LEFT: "Ana"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET identity_id = 2",
        "DELETE FROM decisions",
        "INSERT OR REPLACE INTO decisions (id, at, kind, origin) VALUES (1, 0, 'other', 'user')",
    ],
)
def test_the_log_can_only_grow(catalog, faces, folder, statement):
    catalog.confirm(faces[0], "Ana", USER)
    catalog.confirm(faces[1], "Bo", USER)
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection:
        connection.execute("PRAGMA recursive_triggers = ON")
        with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
            connection.execute(statement)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["name", "look again", "leave and return"]),
            st.integers(0, 1),
            st.sampled_from(["Ana", "Bo", "Cy"]),
            st.sampled_from([USER, FOLDER]),
        ),
        max_size=8,
    )
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_who_is_who_follows_from_the_log_alone(tmp_path_factory, empty_library, result, steps):
    """Deriving step by step and deriving all again from the log agree."""
    library = tmp_path_factory.mktemp("log") / "library"
    shutil.copytree(empty_library, library)
    with Catalog.open(library, create=False, read_only=False) as catalog:
        catalog.store([result("1", boxes=[LEFT, RIGHT])])
        for number, (step, which, name, origin) in enumerate(steps):
            face = catalog.faces_of_photo("/photos/1.jpg")[which]
            if step == "name":
                catalog.confirm(face.id, name, origin)
            elif step == "look again":
                again = result("1", boxes=[LEFT, RIGHT], detector=f"detector@{number + 2}")
                catalog.store([again])
            else:
                catalog.remove_files(["/photos/1.jpg"])
                catalog.store([result("1", boxes=[LEFT, RIGHT])])
        derived = names(catalog)
        catalog.rebuild_identities()
        assert names(catalog) == derived


def test_people_and_their_faces_are_counted(catalog, result):
    catalog.store([result(str(number)) for number in range(4)])
    for face_id, name in ((1, "Ana"), (2, "Ana"), (3, "Bo")):
        catalog.confirm(face_id, name)
    (ana, _), (bo, _) = catalog.identities()
    assert catalog.people_count() == 2
    assert catalog.face_counts([ana.id, bo.id, 99]) == {ana.id: 2, bo.id: 1}
    assert catalog.face_counts([]) == {}
