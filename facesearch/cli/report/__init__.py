"""`query --output report.html`: answers in, one self-contained page out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facesearch.values import QueryAnswer


def write_report(
    answers: Sequence[QueryAnswer], output: Path, *, library: str, photos_shown: int
) -> None:
    """Write the page, replacing what was at `output` only once the new page is whole.

    Args:
        answers: one per query photo; their `photo` must be a path that can be opened.
        output: where the page goes.
        library: the library's folder, named in the page.
        photos_shown: photos shown per person, nearest first.

    Raises:
        OSError: the page cannot be written there.
    """
    from facesearch.cli.report.page import render_page

    page = render_page(answers, library=library, photos_shown=photos_shown)
    unfinished = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
