"""Sentences that keep the figures of a run from being misread.

In: a run and its figures. Out: remarks, the weightiest first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from facesearch.evaluation.report.tables import share
from facesearch.training.dataset.options import Split, SplitKind
from facesearch.training.folder import Status
from facesearch.training.report.facts import RunFacts
from facesearch.training.report.measured import Measured
from facesearch.training.report.naming import Naming, readable


@dataclass(frozen=True, slots=True)
class Remark:
    """What to bear in mind.

    Attributes:
        said: it, in a sentence or two.
        advice: which command helps; not for an article. Empty where none does.
    """

    said: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.said} {self.advice}".strip()


def remarks(facts: RunFacts, measured: Measured | None, why_not: str = "") -> Iterator[Remark]:
    """What to bear in mind of a run's figures.

    Args:
        facts: of the run.
        measured: of its network; None where that could not be measured.
        why_not: and why.
    """
    standing = facts.standing
    if not facts.is_finished:
        how = {
            Status.RUNNING: "is running, or was killed",
            Status.STOPPED: "was stopped",
            Status.FAILED: f"failed ({standing.why})",
        }[standing.status]
        yield Remark(
            f"Unfinished: the run {how} after {standing.epoch} epochs and {standing.step:,} steps. "
            "All figures are those so far."
        )
    if measured is None:
        yield Remark(
            why_not
            or (
                "No epoch is finished, so there is no network to measure yet."
                if standing.best is None
                else "The network of the best epoch is gone, so nothing is measured."
            )
        )
    elif measured.naming is not None:
        yield from _learnt(measured.naming, facts.run.config.recipe.when_untaught)
    if facts.is_finished and standing.best is not None and standing.best.epoch == standing.epoch:
        yield Remark(
            f"The last epoch, {standing.epoch:,}, was the best: the loss was still falling when "
            "the run reached its limit.",
            "A run of more epochs may well do better.",
        )
    if measured is not None:
        yield from _of_chips(facts, measured)


def _learnt(naming: Naming, advice: str) -> Iterator[Remark]:
    if naming.by_guessing == 1:  # chips of one person
        return
    names = set(naming.named)
    if len(names) == 1:
        yield Remark(
            f"The network names everybody {readable(naming.people[names.pop()])}: it has not "
            "learnt to tell these people apart.",
            advice,
        )
    elif not naming.beats_guessing:
        yield Remark(
            "The network names people no better, beyond luck, than naming the same person always "
            f"would: {share(naming.by_guessing)}.",
            advice,
        )


def _of_chips(facts: RunFacts, measured: Measured) -> Iterator[Remark]:
    data = facts.run.dataset
    if measured.split == Split.VALIDATION.value:
        yield Remark(
            "Measured on the validation chips, by which the best epoch was chosen, so figures "
            "flatter a little: the dataset has no test chips.",
            "The command facesearch dataset make keeps some with --fractions such as 0.6,0.2,0.2.",
        )
    if measured.telling and data.split is SplitKind.BY_PHOTO:
        yield Remark(
            "The people on these chips were trained on, so distances flatter the network: "
            "strangers are told apart less well.",
            "A dataset made with --split by-person measures that.",
        )
    if measured.naming is not None and measured.naming.strangers:
        yield Remark(
            f"{measured.naming.strangers:,} chips show people whom the network was not trained "
            "on; they are left out of the accuracy."
        )
    if measured.chips < measured.chips_in_split:
        yield Remark(
            f"Measured on {measured.chips:,} of {measured.chips_in_split:,} {measured.split} chips."
        )
    yield from (Remark(note[0].upper() + note[1:] + ".") for note in measured.notes)
