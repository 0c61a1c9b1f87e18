"""Results of evaluations in, plots and one self-contained page out.

Nothing on the measuring side imports this, and matplotlib is loaded only when a plot is
drawn.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facesearch.evaluation.results import FolderResult, LfwResult


def write_report(result: LfwResult | FolderResult, output: Path) -> None:
    """Write the page about a result: figures, plots, the worst pairs as photos, failures.

    Args:
        result: of `evaluate_lfw` or `evaluate_folder`; its photos should still be there.
        output: the page, replaced only once the new one is whole.

    Raises:
        OSError: it cannot be written.
    """
    from facesearch.evaluation.report.contents import folder_contents, lfw_contents
    from facesearch.evaluation.report.page import write_page
    from facesearch.evaluation.results import LfwResult

    contents = lfw_contents(result) if isinstance(result, LfwResult) else folder_contents(result)
    write_page(contents, output)
