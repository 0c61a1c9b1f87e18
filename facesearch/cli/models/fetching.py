"""Getting one model's files, and showing how far that is.

In: a variant from the list of models. Out: its weights on this machine, words on stdout, a
moving bar or lines on stderr. A licence is shown before the first byte comes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from facesearch.cli import text
from facesearch.cli.exits import complain
from facesearch.cli.screen import Screen
from facesearch.errors import PackageMissing

if TYPE_CHECKING:
    from facesearch.models.downloads import Progress
    from facesearch.models.listing import Variant
    from facesearch.models.weights import DownloadedFile

_LINE_EVERY_S = 10.0


class FetchDisplay:
    """Shows how far a download is: a moving bar on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
                TransferSpeedColumn,
            )

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=Console(file=sys.stderr, highlight=False, markup=False, emoji=False),
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, progress: Progress) -> None:
        """Show how far the file is."""
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task("", total=None)
            self._bar.update(
                self._task,
                description=progress.name,
                completed=progress.done_bytes,
                total=progress.total_bytes,
            )
        elif time.monotonic() - self._last > _LINE_EVERY_S:
            self._last = time.monotonic()
            done = text.size_on_disk(progress.done_bytes)
            if progress.total_bytes is not None:
                done += f" of {text.size_on_disk(progress.total_bytes)}"
            print(f"{progress.name}: {done}", file=sys.stderr, flush=True)

    def stopping(self) -> None:
        """Say that the download will stop soon. Safe to call from a signal handler."""
        os.write(2, b"facesearch: stopping; what came is kept, and the next get goes on from it\n")


def fetch_model(
    variant: Variant,
    display: FetchDisplay,
    *,
    source: Path | None,
    sha256: str | None,
    trust: bool,
    accept_licence: bool,
    cancelled: Callable[[], bool],
) -> None:
    """Bring all files of a model that are not there yet, and say what was done.

    Raises:
        ModelError: the licence was not accepted, or a file could not be had or is not the one.
        Cancelled: the user stopped it.
    """
    from facesearch.models.downloads import check_licence, fetch
    from facesearch.models.requirements import check_all
    from facesearch.models.weights import DownloadedFile

    spec = variant.spec
    screen = Screen()
    screen.line((spec.name, "bold"), f" ({variant.engine.value}), licence: {spec.licence}")
    check_licence(spec.name, spec.licence, spec.non_commercial, accept_licence)
    files = [file for file in spec.files if isinstance(file, DownloadedFile)]
    if source is not None and len(files) > 1:
        files = [_meant(spec.name, files, source)]
    for file in files:
        found = fetch(
            file,
            spec.name,
            source=source,
            sha256=sha256,
            trust=trust,
            on_progress=display.update,
            cancelled=cancelled,
        )
        size = text.size_on_disk(found.path.stat().st_size)
        screen.line(f"  {file.name}, {size}, SHA-256 {found.sha256}")
        screen.line((f"  {found.origin}: {found.path}", "dim"))
    if not files:
        screen.line("  nothing to download: the weights come with installed packages")
    try:
        check_all(spec.name, spec.requirements)
    except PackageMissing as missing:  # the weights are here now, so this is no failure
        complain(str(missing))


def _meant(model: str, files: Sequence[DownloadedFile], source: Path) -> DownloadedFile:
    """Which of a model's files a file of the user's is, by its name.

    Raises:
        WeightsMissing: none of them is called so.
    """
    from facesearch.errors import WeightsMissing

    for file in files:
        if Path(file.name).name == source.name:
            return file
    names = ", ".join(file.name for file in files)
    raise WeightsMissing(
        model,
        f"{model} reads several files, so --from goes by the file's name, and {source.name} is "
        f"none of these: {names}",
    )
