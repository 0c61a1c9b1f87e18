"""The family of errors: one root, the tree that is drawn, and what each one carries."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import subprocess
import sys

import pytest

from facesearch import errors
from facesearch.errors import (
    Cancelled,
    FaceSearchError,
    InvalidEmbedding,
    InvalidValue,
    LibraryBusy,
    LibraryError,
    ModelError,
    NoFaceFound,
    PhotoError,
    PhotoUnreadable,
    SpaceMismatch,
    UnknownModel,
    UnreadableReason,
)

CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == errors.__name__
]
EXAMPLES = [
    InvalidValue("7 is too many"),
    InvalidEmbedding("of length 2"),
    SpaceMismatch("a@1:x", "b@2:y"),
    PhotoUnreadable("/photos/a.jpg", UnreadableReason.DAMAGED, "it ends too soon"),
    NoFaceFound("/photos/a.jpg", "no face in /photos/a.jpg"),
    UnknownModel("some model", "there is no such model"),
    LibraryBusy("/lib", "another process is writing"),
    Cancelled("stopped"),
]


def drawn() -> dict[str, str]:
    """The tree in the module's docstring: each class and its parent."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ((?:│   |    )*)(├── |└── )?([A-Z]\w+)", line)
        if found is not None:
            depth = len(found[1]) // 4 + (found[2] is not None)
            path[depth:] = [found[3]]
            parents[found[3]] = path[depth - 1] if depth else "Exception"
    return parents


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes():
    assert drawn() == {kind.__name__: kind.__bases__[0].__name__ for kind in CLASSES}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_of_the_family_and_explained(kind: type[Exception]):
    assert issubclass(kind, FaceSearchError)
    assert kind.__doc__


def test_invalid_values_are_value_errors_too():
    assert issubclass(InvalidValue, ValueError)
    assert not issubclass(LibraryError, ValueError)


def test_errors_carry_what_they_are_about():
    photo = PhotoUnreadable("/photos/a.jpg", UnreadableReason.EMPTY, "it has no bytes")
    assert isinstance(photo, PhotoError)
    assert (photo.photo, photo.reason, photo.detail) == (
        "/photos/a.jpg",
        UnreadableReason.EMPTY,
        "it has no bytes",
    )
    assert str(photo) == "cannot read /photos/a.jpg: it has no bytes"
    assert ModelError("mtcnn", "gone").model == "mtcnn"
    assert LibraryError("/lib", "gone").library == "/lib"
    mismatch = SpaceMismatch("a@1:x", "b@2:y")
    assert (mismatch.expected, mismatch.found) == ("a@1:x", "b@2:y")
    assert "a@1:x" in str(mismatch)
    assert "b@2:y" in str(mismatch)


def test_reasons_are_the_codes_that_programs_compare():
    assert [reason.value for reason in UnreadableReason] == [
        "empty",
        "not-an-image",
        "damaged",
        "too-large",
        "no-permission",
        "vanished",
        "unsupported",
        "io-error",
    ]


def test_only_what_the_bytes_say_is_worth_remembering():
    passing = {reason for reason in UnreadableReason if not reason.is_about_content}
    assert passing == {
        UnreadableReason.NO_PERMISSION,
        UnreadableReason.VANISHED,
        UnreadableReason.IO_ERROR,
    }


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_travel_between_processes(error: FaceSearchError):
    """An error that cannot be unpickled breaks the process pool it is raised in."""
    for arrived in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(arrived) is type(error)
        assert str(arrived) == str(error)
        assert vars(arrived) == vars(error)
        assert arrived.args == error.args


def test_importing_errors_imports_no_other_package():
    code = (
        "import sys; before = set(sys.modules); import facesearch.errors; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) - {"facesearch"} - set(sys.stdlib_module_names)
