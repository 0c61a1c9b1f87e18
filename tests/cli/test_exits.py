"""Each error ends in its own exit code and one clear line."""

from __future__ import annotations

import io
import sys

import pytest
import typer

from facesearch import errors
from facesearch.cli.exits import ExitCode, errors_shown, exit_code

EXPECTED = [
    (errors.NoFaceFound("a.jpg", "no face in a.jpg"), 3),
    (errors.PhotoNotFound("a.jpg", "no such photo: a.jpg"), 2),
    (errors.PhotoUnreadable("a.jpg", errors.UnreadableReason.EMPTY, "it is empty"), 6),
    (errors.LibraryNotFound("/l", "no library at /l"), 4),
    (errors.LibraryBusy("/l", "busy"), 4),
    (errors.LibraryReadOnly("/l", "read-only"), 4),
    (errors.LibraryFull("/l", "full"), 4),
    (errors.LibraryDamaged("/l", "damaged"), 4),
    (errors.LibraryTooNew("/l", "too new"), 4),
    (errors.UnknownIdentity("/l", "no face 7"), 4),
    (errors.IndexDamaged("damaged"), 4),
    (errors.SpaceMismatch("one", "another"), 4),
    (errors.UnknownModel("m", "no model m"), 5),
    (errors.WeightsMissing("m", "missing"), 5),
    (errors.WeightsDamaged("m", "damaged"), 5),
    (errors.DeviceUnavailable("m", "no cuda device"), 5),
    (errors.InvalidEmbedding("NaN"), 5),
    (errors.InvalidValue("a name needs a letter"), 2),
    (errors.Cancelled("stopped"), 130),
]


@pytest.mark.parametrize(("error", "code"), EXPECTED, ids=lambda v: type(v).__name__)
def test_an_error_of_ours_is_one_line_and_its_code(error, code, capsys):
    with pytest.raises(typer.Exit) as left, errors_shown():
        raise error
    assert left.value.exit_code == code
    captured = capsys.readouterr()
    assert captured.err == f"facesearch: {error}\n"
    assert captured.out == ""


def test_every_error_of_ours_has_a_code_of_its_own():
    """No class of the tree is left to count as an internal error."""

    def below(kind):
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    for kind in below(errors.FaceSearchError):
        assert exit_code(kind.__new__(kind)) is not ExitCode.INTERNAL, kind


def test_an_unforeseen_error_asks_to_be_reported_without_a_traceback(capsys):
    with pytest.raises(typer.Exit) as left, errors_shown():
        raise ZeroDivisionError("by nothing")
    assert left.value.exit_code == 1
    said = capsys.readouterr().err
    assert said.startswith("facesearch: internal error, please report it: ZeroDivisionError")
    assert "--verbose" in said
    assert said.count("\n") == 1


def test_verbose_adds_the_traceback(capsys):
    with pytest.raises(typer.Exit), errors_shown(verbose=True):
        raise ZeroDivisionError("by \x1b[31mnothing")
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "test_exits.py" in said
    assert "\x1b" not in said


def test_a_message_cannot_move_the_cursor(capsys):
    with pytest.raises(typer.Exit), errors_shown():
        raise errors.NoFaceFound("x", "no face in \x1b]0;title\x07\n.jpg")
    assert capsys.readouterr().err == "facesearch: no face in \\x1b]0;title\\x07\\n.jpg\n"


def test_ctrl_c_is_an_ending_of_its_own(capsys):
    with pytest.raises(typer.Exit) as left, errors_shown():
        raise KeyboardInterrupt
    assert left.value.exit_code == 130
    assert capsys.readouterr().err == "facesearch: interrupted\n"


def test_the_system_says_itself_what_is_wrong(capsys):
    with pytest.raises(typer.Exit) as left, errors_shown():
        raise OSError(28, "No space left on device")
    assert left.value.exit_code == 1
    assert capsys.readouterr().err == "facesearch: [Errno 28] No space left on device\n"


def test_lack_of_memory_says_what_helps(capsys):
    with pytest.raises(typer.Exit), errors_shown():
        raise MemoryError
    assert "--batch-size" in capsys.readouterr().err


def test_errors_about_the_command_line_are_left_to_typer():
    with pytest.raises(typer.BadParameter), errors_shown():
        raise typer.BadParameter("no")
    with pytest.raises(typer.Exit) as left, errors_shown():
        raise typer.Exit(7)
    assert left.value.exit_code == 7


def test_a_reader_that_went_away_is_no_error(monkeypatch, capsys):
    class Closed(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(typer.Exit) as left, errors_shown():
        pass
    assert left.value.exit_code == ExitCode.OUTPUT_CLOSED
    assert capsys.readouterr().err == ""
