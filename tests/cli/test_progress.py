"""Progress as a bar, as lines and as events."""

from __future__ import annotations

import io
import json
import sys

import pytest

from facesearch.cli import progress
from facesearch.cli.progress import (
    BarDisplay,
    EventDisplay,
    LineDisplay,
    Pace,
    display_for,
    summary_line,
)
from facesearch.values import IndexProgress


class Clock:
    """A clock that stands until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """What a terminal was sent."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise io.UnsupportedOperation


def test_the_pace_is_that_of_the_last_while():
    pace = Pace(window_s=10)
    assert pace.per_second == 0
    assert pace.seconds_left(100) is None
    for second in range(5):
        pace.add(second, 1000 * second)  # known photos fly past
    for second in range(5, 30):
        pace.add(second, 4000 + 10 * (second - 4))
    assert pace.per_second == pytest.approx(10)
    assert pace.seconds_left(600) == pytest.approx(60)


def test_the_pace_keeps_little_however_often_it_is_told():
    pace = Pace(window_s=10)
    for step in range(100_000):
        pace.add(step / 1000, step)
    assert len(pace._points) < 50
    assert pace.per_second == pytest.approx(1000, rel=0.01)


def test_a_line_says_how_far_it_is():
    pace = Pace()
    pace.add(10.0, 1000)
    line = summary_line(IndexProgress(1000, 13232, 1344, 2, 10.0), pace)
    assert line == (
        "1,000 of 13,232 photos, 1,344 faces, 2 unreadable, 100 photos/s, 2 min 02 s left"
    )
    line = summary_line(IndexProgress(1, None, 1, 0, 10.0), pace)
    assert line == "1 photo so far, 1 face, 100 photos/s"


def test_plain_lines_come_now_and_then(capsys):
    clock = Clock()
    with LineDisplay(every_s=10, clock=clock) as display:
        for clock.now in range(25):
            display.update(IndexProgress(10 * clock.now, 1000, 0, 0, float(clock.now)))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line.split(", ")[0] for line in captured.err.splitlines()] == [
        "100 of 1,000 photos",
        "200 of 1,000 photos",
    ]


def test_events_come_now_and_then_on_stdout(capsys):
    clock = Clock()
    with EventDisplay(every_s=1, clock=clock) as display:
        for tenth in range(25):
            clock.now = tenth / 10
            display.update(IndexProgress(tenth, None, 2 * tenth, 0, tenth / 10))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events == [
        {"event": "progress", "done": 10, "total": None, "faces": 20, "failed": 0, "seconds": 1.0},
        {"event": "progress", "done": 20, "total": None, "faces": 40, "failed": 0, "seconds": 2.0},
    ]


def test_a_terminal_gets_a_bar_that_leaves_nothing_behind(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    display = display_for(as_json=False)
    assert isinstance(display, BarDisplay)
    with display:
        display.update(IndexProgress(500, 1000, 600, 1, 10.0, "/photos/[red]x\x1b[0m.jpg"))
        display._progress.refresh()
        display.stopping()
        display.update(IndexProgress(501, 1000, 600, 1, 10.1))
        display._progress.refresh()
    shown = terminal.getvalue()
    assert "500 of 1,000 photos, 600 faces, 1 unreadable" in shown
    assert "stopping after the photos at hand" in shown
    assert "501 of" not in shown
    assert shown.endswith("\x1b[2K")  # the last thing it does is to clear its line


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch, term):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", term)
    assert isinstance(display_for(as_json=False), LineDisplay)


def test_programs_and_files_get_no_bar(monkeypatch):
    assert isinstance(display_for(as_json=True), EventDisplay)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(display_for(as_json=False), LineDisplay)


def test_stopping_is_said_at_once(capfd):
    with LineDisplay() as display:
        display.stopping()
    assert capfd.readouterr().err == f"facesearch: {progress._STOPPING}\n"
