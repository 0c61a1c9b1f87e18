"""How far an `index` run is: `IndexProgress` values in, a moving bar, lines or events out.

Everything goes to stderr except events for programs, which go to stdout. Callbacks may
come from any thread.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from facesearch.cli import jsonout, text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from facesearch.values import IndexProgress

_EVENT_EVERY_S = 0.5
_LINE_EVERY_S = 10.0
_STOPPING = "stopping after the photos at hand; Ctrl-C again stops at once"
# Long enough to even out a batch of large photos, short enough to notice a slow disk.
_RATE_WINDOW_S = 20.0


class ProgressDisplay(AbstractContextManager["ProgressDisplay"], Protocol):
    """Shows progress while the `with` block lasts."""

    def update(self, progress: IndexProgress) -> None:
        """Show how far the run is now."""

    def waiting(self, process: int | None) -> None:
        """Show that another process, of that id if known, must finish first."""

    def stopping(self) -> None:
        """Show that the run will stop soon. Safe to call from a signal handler."""


def display_for(*, as_json: bool) -> ProgressDisplay:
    """Events for programs, a moving bar on a terminal, else a line now and then."""
    if as_json:
        return EventDisplay()
    if sys.stderr.isatty():
        from rich.console import Console

        if not Console(file=sys.stderr).is_dumb_terminal:
            return BarDisplay()
    return LineDisplay()


class Pace:
    """Photos per second over the last while, and the time left at that pace.

    Args:
        window_s: how far back to look. A run that first skips 10,000 known photos and
            then looks at new ones is soon judged by the new ones alone.
    """

    def __init__(self, window_s: float = _RATE_WINDOW_S) -> None:
        self._window_s = window_s
        self._points: deque[tuple[float, int]] = deque([(0.0, 0)])

    def add(self, seconds: float, done: int) -> None:
        """Note that `done` photos were through after `seconds`."""
        points = self._points
        # Known photos fly past by the thousand: twenty points a window tell enough.
        if len(points) > 1 and seconds - points[-2][0] < self._window_s / 20:
            points.pop()
        points.append((seconds, done))
        while len(points) > 2 and points[1][0] <= seconds - self._window_s:
            points.popleft()

    @property
    def per_second(self) -> float:
        """Photos per second lately; 0 before anything happened."""
        (start, before), (end, after) = self._points[0], self._points[-1]
        return (after - before) / (end - start) if end > start else 0.0

    def seconds_left(self, photos_left: int) -> float | None:
        """Seconds until the rest is done; None where nobody can tell yet."""
        pace = self.per_second
        return photos_left / pace if pace > 0 else None


def summary_line(progress: IndexProgress, pace: Pace) -> str:
    """``1,200 of 13,232 photos, 1,344 faces, 87.6 photos/s, 2 min 17 s left``."""
    if progress.total is None:
        parts = [text.count(progress.done, "photo") + " so far"]
    else:
        parts = [f"{progress.done:,} of {text.count(progress.total, 'photo')}"]
    parts.append(text.count(progress.faces, "face"))
    if progress.failed:
        parts.append(f"{progress.failed:,} unreadable")
    parts.append(f"{text.rate(pace.per_second)} photos/s")
    if progress.total is not None:
        left = pace.seconds_left(progress.total - progress.done)
        if left is not None and progress.done < progress.total:
            parts.append(f"{text.duration(left)} left")
    return ", ".join(parts)


def _waiting_line(process: int | None) -> str:
    who = "another process" if process is None else f"process {process}"
    return f"waiting for {who}, which is writing to this library"


class _Quiet:
    """What the displays without a moving part share."""

    def __init__(self, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._clock = clock
        self._last = clock()
        self._lock = threading.Lock()
        self._has_waited = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def waiting(self, process: int | None) -> None:
        """A line on stderr, once."""
        if not self._has_waited:
            self._has_waited = True
            print(f"facesearch: {_waiting_line(process)}", file=sys.stderr, flush=True)

    def stopping(self) -> None:
        """A line on stderr at once, past Python's buffers: a signal may come inside `print`."""
        os.write(2, f"facesearch: {_STOPPING}\n".encode())

    def _is_due(self) -> bool:
        now = self._clock()
        if now - self._last < self._every_s:
            return False
        self._last = now
        return True


class LineDisplay(_Quiet):
    """A plain line on stderr now and then, for logs."""

    def __init__(
        self, every_s: float = _LINE_EVERY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(every_s, clock)
        self._pace = Pace()

    def update(self, progress: IndexProgress) -> None:
        """A line, if the last one is long enough ago."""
        with self._lock:
            self._pace.add(progress.seconds, progress.done)
            if self._is_due():
                print(summary_line(progress, self._pace), file=sys.stderr, flush=True)


class EventDisplay(_Quiet):
    """Events on stdout, at most two a second."""

    def __init__(
        self, every_s: float = _EVENT_EVERY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(every_s, clock)

    def update(self, progress: IndexProgress) -> None:
        """A progress event, if the last one is long enough ago."""
        with self._lock:
            if self._is_due():
                jsonout.write(jsonout.progress_event(progress))

    def waiting(self, process: int | None) -> None:
        """An event, once."""
        if not self._has_waited:
            self._has_waited = True
            jsonout.write(jsonout.waiting_event(process))


class BarDisplay:
    """A moving bar on stderr: photos, photos/s, faces, time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._pace = Pace()
        self._stopping = False
        self._progress: Progress = Progress(
            BarColumn(bar_width=30),
            TextColumn("{task.fields[line]}", markup=False),
            console=Console(file=sys.stderr, highlight=False, markup=False, emoji=False),
            transient=True,
            refresh_per_second=8,
        )
        self._task: TaskID = self._progress.add_task("", total=None, line="looking for photos")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def update(self, progress: IndexProgress) -> None:
        """Move the bar; it is drawn at its own pace."""
        self._pace.add(progress.seconds, progress.done)
        self._progress.update(
            self._task,
            total=progress.total,
            completed=progress.done,
            line=_STOPPING if self._stopping else summary_line(progress, self._pace),
        )

    def waiting(self, process: int | None) -> None:
        """The words after the bar say so until it is our turn."""
        self._progress.update(self._task, line=_waiting_line(process))

    def stopping(self) -> None:
        """The words after the bar say so until the end."""
        self._stopping = True
        self._progress.update(self._task, line=_STOPPING)
