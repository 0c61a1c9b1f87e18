"""Answers as people see them, on a terminal and in a file."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest
from rich.text import Text

from facesearch.cli import render
from facesearch.values import (
    CalibrationStatus,
    FaceHit,
    Failure,
    Identity,
    IndexReport,
    LibraryStatus,
)


class Terminal(io.StringIO):
    """What a terminal was sent."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def become_stdout() -> Terminal:  # in the test itself: pytest sets stdout for each phase
        stream = Terminal()
        monkeypatch.setattr(sys, "stdout", stream)
        return stream

    return become_stdout


LONG = "/home/ada/" + "a folder with a long name/" * 8 + "photo.jpg"


def test_an_answer(make, capsys):
    copies = FaceHit(make.face(17, "/photos/a.jpg", "/photos/b.jpg", "/photos/c.jpg"), 0.05)
    answer = make.answer(
        identities=(
            make.match(1, "Eileen Collins", (0.021, "/photos/x.jpg"), (0.0444, LONG)),
            make.match(2, "Sally Ride", (0.0625, "/photos/y.jpg")),
        ),
        unnamed=(copies,),
    )
    render.show_query(answer, photos_shown=5)
    assert capsys.readouterr().out == (
        "/photos/selfie.jpg: 1 face\n"
        "\n"
        "#  Name            Distance  Photos\n"
        "1  Eileen Collins     0.021  /photos/x.jpg\n"
        f"                      0.044  {LONG}\n"
        "2  Sally Ride         0.062  /photos/y.jpg\n"
        "\n"
        "Face  Distance  Unnamed faces\n"
        "  17     0.050  /photos/a.jpg  (and 2 copies)\n"
        "\n"
    )


def test_an_answer_with_probabilities_and_what_they_suppose(make, capsys):
    poor = FaceHit(make.face(17, "/photos/a.jpg"), 0.05, 0.87, Identity(3, "Ida"))
    answer = make.answer(
        identities=(make.match(1, "Eileen", (0.021, "/photos/x.jpg"), probability=0.99995),),
        unnamed=(poor,),
        limit=make.limit,
    )
    render.show_query(answer, photos_shown=5)
    render.show_limit(answer.limit)
    assert capsys.readouterr().out == (
        "/photos/selfie.jpg: 1 face\n"
        "\n"
        "#  Name    Distance  Probability  Photos\n"
        "1  Eileen     0.021      >99.9 %  /photos/x.jpg\n"
        "\n"
        "Face  Distance  Probability  Unnamed faces\n"
        "  17     0.050         87 %  /photos/a.jpg  (named Ida; not sure enough)\n"
        "\n"
        "Matches lie within 0.070, a false match rate of 1 in 10,000: expect 0.1 of 1,000 faces "
        "there by chance.\n"
        "Probabilities suppose that 1 face in 1,000 is the same person's.\n"
    )


def test_nobody_near_says_whose_the_nearest_face_is(make, capsys):
    nearest = FaceHit(make.face(9, "/photos/z.jpg"), 0.1126, 0.004, Identity(1, "Ada"))
    render.show_query(make.answer(nearest=nearest, limit=make.limit), photos_shown=5)
    assert (
        "No match within 0.070; nearest was face 9 (Ada) at 0.113, <1 % likely the same person, "
        "in /photos/z.jpg\n"
    ) in capsys.readouterr().out


def test_a_model_that_is_too_weak_for_its_library_says_so(make, capsys):
    render.show_limit(replace(make.limit, max_distance=0.0004))
    assert "This model cannot keep strangers down to that in 1,000 faces" in capsys.readouterr().out
    render.show_limit(replace(make.limit, max_distance=0.0004, false_matches=None))
    assert "This model" not in capsys.readouterr().out  # the user chose the distance


def test_names_start_from_people_not_from_faces(make, capsys):
    render.show_limit(replace(make.limit, people=5, person_max_distance=0.09))
    assert (
        "Probabilities suppose that 1 face in 1,000, and for names 1 person in 5, is the one.\n"
    ) in capsys.readouterr().out


def test_a_model_that_nobody_measured_says_so(make, capsys):
    render.show_limit(make.answer().limit)
    assert "Nobody measured" in capsys.readouterr().out


def test_several_faces_are_told_apart(make, capsys):
    answer = make.answer(faces=2, nearest=FaceHit(make.face(9, "/photos/z.jpg"), 0.1126))
    render.show_query(answer, photos_shown=5)
    nobody = "No match within 0.070; nearest was face 9 at 0.113 in /photos/z.jpg\n"
    assert capsys.readouterr().out == (
        "/photos/selfie.jpg: 2 faces\n"
        "\n"
        f"Face 1, 80 x 90 pixels at (100, 50)\n{nobody}"
        "\n"
        f"Face 2, 80 x 90 pixels at (100, 50)\n{nobody}"
        "\n"
    )


def test_no_named_person_but_unnamed_faces(make, capsys):
    render.show_query(
        make.answer(unnamed=(FaceHit(make.face(9, "/photos/z.jpg"), 0.01),)), photos_shown=5
    )
    assert capsys.readouterr().out == (
        "/photos/selfie.jpg: 1 face\n"
        "\n"
        "No named person within 0.070.\n"
        "\n"
        "Face  Distance  Unnamed faces\n"
        "   9     0.010  /photos/z.jpg\n"
        "\n"
    )


def test_an_empty_library_is_said(make, capsys):
    render.show_query(make.answer(), photos_shown=5)
    assert "No match: the library holds no faces yet.\n" in capsys.readouterr().out


def test_more_photos_than_asked_for_are_counted(make, capsys):
    many = make.match(1, "Ada", *[(0.001 * row, f"/photos/{row}.jpg") for row in range(1, 1501)])
    render.show_query(make.answer(identities=(many,)), photos_shown=3)
    shown = capsys.readouterr().out
    assert shown.count(".jpg") == 1 + 3
    assert "and 1,497 more" in shown


def test_markup_and_escapes_in_names_stay_what_they_are(make, capsys):
    evil = "[bold red]x[/] [link=http://x]y :smile: \x1b]8;;http://x\x07"
    render.show_query(
        make.answer("/p/[red]\n.jpg", identities=(make.match(1, evil, (0.02, "/p/[/b]\x9b.jpg")),)),
        photos_shown=5,
    )
    shown = capsys.readouterr().out
    assert "[bold red]x[/] [link=http://x]y :smile: \\x1b]8;;http://x\\x07" in shown
    assert "/p/[red]\\n.jpg: 1 face" in shown
    assert "/p/[/b]\\x9b.jpg" in shown


def test_a_terminal_gets_colours_and_whole_paths(make, terminal):
    stdout = terminal()
    render.show_query(
        make.answer(LONG, identities=(make.match(1, "Ada \x1b[5m", (0.021, LONG)),)), photos_shown=5
    )
    shown = stdout.getvalue()
    assert "\x1b[" in shown
    assert "\x1b[5m" not in shown
    assert "Ada \\x1b[5m" in shown
    assert "…" not in shown
    lines = Text.from_ansi(shown).plain.splitlines()
    start = next(row for row, line in enumerate(lines) if line.startswith("1  Ada"))
    column = lines[start].index("/home")
    folded = "".join(line[column:] for line in lines[start:])
    assert folded.replace(" ", "") == LONG.replace(" ", "")


def test_who_looks_at_unnamed_faces_is_told_how_to_name_them(make, terminal):
    stdout = terminal()
    answer = make.answer(unnamed=(FaceHit(make.face(9, "/photos/z.jpg"), 0.01),))
    render.show_query(answer, photos_shown=5)
    assert 'facesearch name 9 "NAME"' in stdout.getvalue()


def test_no_color_is_respected(make, terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stdout = terminal()
    render.show_query(
        make.answer(identities=(make.match(1, "Ada", (0.021, "/x.jpg")),)), photos_shown=5
    )
    assert "\x1b[36m" not in stdout.getvalue()


def test_a_report(capsys):
    render.show_report(
        IndexReport(13232, 13841, 13220, 10, 2, 4, 112, 3, 151.2, {"damaged": 1, "empty": 2}),
        "/lib",
        "cuda",
    )
    assert capsys.readouterr().out == (
        "13,232 photos, 13,841 faces in 2 min 31 s (87.5 photos/s on cuda)\n"
        "new              13,220\n"
        "unchanged            10\n"
        "moved or copied       2\n"
        "removed               4\n"
        "without a face      112\n"
        "unreadable            3  2 empty, 1 damaged\n"
        "Which photos and why: facesearch failures\n"
        "Library: /lib\n"
    )


def test_a_report_of_nothing_and_of_a_stopped_run(capsys):
    render.show_report(IndexReport(0, 0, 0, 0, 0, 0, 0, 0, 0.0), "/lib", None)
    assert capsys.readouterr().out == (
        "0 photos, 0 faces in 0.0 s (0.0 photos/s)\nnew  0\nLibrary: /lib\n"
    )
    render.show_report(IndexReport(5, 5, 5, 0, 0, 0, 0, 0, 1.0, cancelled=True), "/lib", None)
    assert capsys.readouterr().out.startswith("Stopped early: 5 photos, 5 faces in 1.0 s")


def test_a_status(capsys):
    render.show_status(LibraryStatus(12, 14, 2, 1, 3, None, "exact", 3_400_000, "0001", "/lib\n/x"))
    assert capsys.readouterr().out == (
        "library           /lib\\n/x\n"
        "photos            12\n"
        "  without a face  3\n"
        "  unreadable      1\n"
        "faces             14\n"
        "people            2\n"
        "model             none yet\n"
        "detector          none yet\n"
        "space             none yet\n"
        "matches within    say --max-distance: nobody measured this model\n"
        "calibrated        no\n"
        "index             exact\n"
        "on disk           3.4 MB\n"
        "schema            0001\n"
    )


def test_the_status_of_a_calibrated_library_with_poor_and_outdated_faces(capsys, make):
    status = LibraryStatus(
        *(12, 14, 2, 1, 3, "s", "exact", 3_400_000, "0002", "/lib", "best", make.limit),
        CalibrationStatus("2026-11-22T03:00:00+00:00", 1234, 5),
        {"blurred": 2, "too-small": 3},
        6,
        "a-model",
        "a-detector",
        3,
    )
    render.show_status(status)
    shown = capsys.readouterr().out
    for line in (
        "  not searchable  6: facesearch index tries again\n",
        "  poor faces      5 (3 too-small, 2 blurred)\n",
        "model             a-model (accuracy best)\n",
        "detector          a-detector\n",
        "  others          2: facesearch spaces\n",
        "matches within    0.070 (false match rate 1 in 10,000)\n",
        "calibrated        2026-11-22T03:00:00+00:00, from 1,234 pairs of strangers\n",
    ):
        assert line in shown


def test_failures(capsys, make):
    render.show_failures(
        [Failure("/a\x1b.jpg", "empty", "it is empty"), Failure(LONG, "damaged", "cut")], [], []
    )
    width = len(LONG) + 2
    assert capsys.readouterr().out == (
        f"Reason   {'Photo':{width}}What is wrong\n"
        f"empty    {chr(92).join(('/a', 'x1b.jpg')):{width}}it is empty\n"
        f"damaged  {LONG:{width}}cut\n"
    )
    render.show_failures([], [], [make.face(31, "/a\x1b.jpg")])
    shown = capsys.readouterr().out
    assert "every photo could be read" in shown
    assert shown.endswith("Face  Photo\n  31  /a\\x1b.jpg\n")


def test_people(capsys, make):
    render.show_identities([(Identity(1, "Ada [b]"), 1234), (Identity(12, "東京 太郎"), 7)])
    assert capsys.readouterr().out == "Faces  Name\n1,234  Ada [b]\n    7  東京 太郎\n"
    render.show_identities([])
    assert "Nobody has a name yet" in capsys.readouterr().out
    render.show_named(make.face(7, "/a.jpg"), Identity(1, "Ada"))
    assert capsys.readouterr().out == "Ada is now the name of face 7 in /a.jpg\n"
