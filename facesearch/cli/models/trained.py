"""A training run as a model: exported, tried, added, and its rates measured.

In: the folder of a run. Out: an added embedder, words on stdout. TensorFlow is loaded for runs
only.
"""

from __future__ import annotations

from pathlib import Path

from facesearch.cli.exits import complain
from facesearch.cli.screen import Screen


def is_run(folder: Path) -> bool:
    """Whether a folder holds a training run."""
    if not (folder / "config.toml").is_file():  # as quick a no as there is
        return False
    from facesearch.training.folder import is_run

    return is_run(folder)


def add_run(
    name: str,
    folder: Path,
    *,
    licence: str,
    replace: bool,
    dataset: Path | None,
    template: str | None,
) -> None:
    """Add the network of a run, and say what was measured.

    Args:
        name, folder, licence, replace, dataset: see `facesearch.training.export.add_trained`.
        template: name of the family by which its chips are framed; None for what its dataset
            says.

    Raises:
        FaceSearchError: see `facesearch.training.export.add_trained`.
    """
    from facesearch.cli.evaluate_output import progress_shown
    from facesearch.cli.models.adding import show_added
    from facesearch.cli.models.calibrating import show_rates
    from facesearch.models.templates import TemplateFamily
    from facesearch.training.export import add_trained

    with progress_shown() as show:
        found = add_trained(
            name,
            folder,
            licence=licence,
            replace=replace,
            dataset=dataset,
            template=None if template is None else TemplateFamily(template),
            on_progress=show,
        )
    show_added(found.added)
    beside_rates = () if found.rates is None else found.rates.warnings
    for warning in found.warnings:
        if warning not in beside_rates:
            complain(f"warning: {warning}")
    screen = Screen()
    screen.line(
        f"As ONNX it says the same as in Keras, to {found.export.max_difference:.1e}, on "
        f"{found.export.chips} chips."
    )
    if found.rates is not None:
        show_rates(found.rates)
        screen.line((f"Search with it: facesearch reindex --model {name}", "bold"))
        return
    screen.line(f"What its distances mean was not measured: {found.why_no_rates}")
    screen.line((f"facesearch models calibrate {name} FOLDER", "bold"))
