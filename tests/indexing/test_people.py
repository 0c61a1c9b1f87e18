"""People named by the folders their photos lie in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from audits import rows
from toys import BLUE, GREEN, RED, WHITE, photo

from facesearch.errors import InvalidValue, NoFaceFound, UnknownIdentity

DECISIONS = "SELECT count(*) FROM decisions"


def people(library) -> dict[str, int]:
    return {who.name: faces for who, faces in library.identities()}


def test_each_folder_names_the_largest_face_of_its_photos(library, photos):
    photo(photos / "Ana" / "1.png", RED, WHITE, number=1)
    photo(photos / "Ana" / "2.png", RED, number=2)
    photo(photos / "Bo 🎈" / "deep" / "Cy" / "3.png", GREEN)
    photo(photos / "Dee" / "nobody.png")
    library.index([photos])
    assert people(library) == {}
    report = library.index([photos], people_from_folders=True)
    assert report.unchanged == 4
    assert people(library) == {"Ana": 2, "Cy": 1}
    assert len(library.faces_of(photos / "Ana" / "1.png")) == 2


def test_running_again_adds_nothing(library, folder, photos):
    for number in range(3):
        photo(photos / "Ana" / f"{number}.png", RED, number=number)
    for name in ("Bo", "Cy", "zz"):
        (photos / name).mkdir()
        shutil.copy(photos / "Ana" / "0.png", photos / name)
    library.index([photos], people_from_folders=True)
    decided, named = rows(folder, DECISIONS), people(library)
    assert decided == [(3,)]
    for _ in range(2):
        library.index([photos], people_from_folders=True)
    assert (rows(folder, DECISIONS), people(library)) == (decided, named)


def test_copies_in_folders_far_apart_do_not_take_turns(library, folder, photos, monkeypatch):
    monkeypatch.setattr("facesearch.indexing._LOOK_UP_FILES", 2)
    test_running_again_adds_nothing(library, folder, photos)
    assert people(library) == {"Ana": 3}


def test_a_name_given_by_hand_is_never_overruled(library, photos):
    path = photo(photos / "Ana" / "1.png", RED)
    library.index([photos], people_from_folders=True)
    library.name(path, "Zoë")
    library.index([photos], people_from_folders=True)
    assert people(library) == {"Zoë": 1}


def test_case_does_not_make_another_person(library, photos):
    photo(photos / "a" / "Ana Čop" / "1.png", RED, number=1)
    photo(photos / "b" / "ana čop" / "2.png", RED, number=2)
    library.index([photos], people_from_folders=True)
    assert people(library) == {"Ana Čop": 2}


@pytest.mark.skipif(os.name != "posix", reason="names are text on this system")
def test_folders_with_odd_names(library, photos):
    photo(photos / "new\nline" / "1.png", RED)
    bad = os.fsdecode(os.fsencode(photos) + b"/\xff\xfe")
    photo(Path(bad) / "2.png", GREEN)
    library.index([photos], people_from_folders=True)
    assert len(people(library)) == 2
    for name in people(library):
        assert name.isprintable()


def test_naming_faces_and_photos(library, photos):
    group = photo(photos / "group.png", RED, GREEN)
    nobody = photo(photos / "nobody.png")
    library.index([photos])
    largest, second = library.faces_of(group)
    face, identity = library.name(group, "Ana")
    assert (face.id, identity.name) == (largest.id, "Ana")
    _, same = library.name(second.id, "  ANA ")
    assert (same.id, same.name) == (identity.id, "Ana")
    assert people(library) == {"Ana": 2}
    with pytest.raises(NoFaceFound):
        library.name(nobody, "Ana")
    with pytest.raises(UnknownIdentity):
        library.name(photos / "never seen.png", "Ana")
    with pytest.raises(UnknownIdentity):
        library.name(10**9, "Ana")
    with pytest.raises(InvalidValue):
        library.name(group, " \n ")


def test_the_answer_knows_people_at_once(library, photos):
    for number, colour in enumerate((RED, GREEN, BLUE)):
        photo(photos / f"{number}.png", colour)
    library.index([photos])
    library.name(photos / "1.png", "Ana")
    (answer,) = library.query(photos / "1.png").faces
    assert [match.identity.name for match in answer.identities] == ["Ana"]
    assert answer.unnamed == ()
