"""The report of a run, from its folder to files.

In: a run's folder. Out: `Reported`: what stands in the report, which `write_page`,
`write_article` and `write_plots` bring to disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facesearch.errors import InvalidDataset
from facesearch.models.base import Device
from facesearch.training.answering import OnProgress
from facesearch.training.measuring import measured
from facesearch.training.report.contents import Contents, contents
from facesearch.training.report.facts import RunFacts, read_facts
from facesearch.training.report.measured import Measured


@dataclass(frozen=True, slots=True, eq=False)
class Reported:
    """A report that was made.

    Attributes:
        facts: of the run.
        measured: of its network; None where that could not be measured.
        contents: what stands in the report.
    """

    facts: RunFacts
    measured: Measured | None
    contents: Contents


def report(
    run_folder: Path,
    *,
    dataset: Path | None = None,
    device: Device = Device.AUTO,
    again: bool = False,
    on_progress: OnProgress | None = None,
) -> Reported:
    """Make the report of a run.

    Figures are measured once and kept in the run's report.json. Without its dataset, a run whose
    figures were not kept has a report of its curves and settings only.

    Args:
        run_folder: of the run.
        dataset: of the run, where it was moved.
        device: to measure on.
        again: measure anew.
        on_progress: told how far measuring is.

    Raises:
        InvalidValue: there is no run, or one of its files is damaged.
        InvalidDataset: the dataset that is named is damaged, or another one.
        InvalidModelFile: the network's file is damaged.
        ModelError: TensorFlow is not there, has no such device, or cannot run the network.
    """
    facts = read_facts(run_folder)
    found, why = None, ""
    try:
        found = measured(
            facts.run,
            facts.standing,
            dataset=dataset,
            device=device,
            again=again,
            on_progress=on_progress,
        )
    except InvalidDataset as error:
        if dataset is not None:
            raise
        why = f"The network was not measured, which takes the dataset: {error}. See --dataset."
    return Reported(facts, found, contents(facts, found, why))


def write_plots(content: Contents, folder: Path) -> None:
    """Write every plot as NAME.svg.

    Raises:
        OSError: they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for drawing in content.drawings:
        (folder / f"{drawing.name}.svg").write_text(drawing.plot().svg, encoding="utf-8")
