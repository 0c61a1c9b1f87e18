"""What the article of a run says in sentences: facts and figures in, plain text out."""

from __future__ import annotations

from facesearch.evaluation.report.tables import distance
from facesearch.training.dataset.options import Split, SplitKind
from facesearch.training.recipes.base import Task
from facesearch.training.report.making import Reported
from facesearch.training.report.measured import Measured
from facesearch.training.report.origins import trained


def title(reported: Reported) -> str:
    """What was done, with what, on what."""
    run = reported.facts.run
    what = "Verification" if _is_of_pairs(reported) else "Identification"
    return f"Face {what} with {run.config.recipe.name} on the Dataset {run.dataset.name}"


def keywords(reported: Reported) -> str:
    """The terms of the field."""
    own = "verification, metric learning" if _is_of_pairs(reported) else "identification"
    return f"face recognition, face {own}, convolutional neural networks"


def abstract(reported: Reported) -> str:
    """What was trained, and what it came to."""
    facts = reported.facts
    data, name = facts.run.dataset, facts.run.config.recipe.name
    unfinished = ""
    if not facts.is_finished:
        unfinished = (
            f" The run is not finished: this is how it stands after {facts.standing.epoch} epochs."
        )
    return (
        f"A network of the recipe {name} is trained on {data.counts[Split.TRAIN]:,} pictures of "
        f"the faces of {data.people[Split.TRAIN]:,} people. "
        f"{findings(reported.measured)}{unfinished}"
    )


def introduction(reported: Reported) -> str:
    """What the network is for."""
    run = reported.facts.run
    about, _, _ = run.config.recipe.about.partition(";")
    task = (
        "Face verification asks whether two photos show the same person, whoever it is."
        if _is_of_pairs(reported)
        else "Face identification asks which of some known people a photo shows."
    )
    return (
        f"{task} This article reports how a network for it was trained, by the recipe "
        f"{run.config.recipe.name} of facesearch ({about})."
    )


def training(reported: Reported) -> str:
    """How long the training took, and which network it left."""
    best = reported.facts.standing.best
    told = f"The training took {trained(reported.facts)}."
    if best is None:
        return told
    return (
        f"{told} The network of epoch {best.epoch}, whose validation loss of {best.loss:.4g} was "
        "the lowest, is the one that is reported."
    )


def findings(measured: Measured | None) -> str:
    """What was found, in sentences."""
    if measured is None:
        return "The network was not measured."
    found = []
    if measured.naming is not None:
        accuracy = measured.naming.accuracy
        found.append(
            f"The network names {100 * accuracy.value:.2f} % of {len(measured.naming.truth):,} "
            f"{measured.split} pictures rightly (95 % interval {100 * accuracy.low:.2f} to "
            f"{100 * accuracy.high:.2f} %); naming always the same person would give "
            f"{100 * measured.naming.by_guessing:.2f} %."
        )
    for each in measured.telling[:1]:
        at = each.separation
        found.append(
            f"By the {each.distance} distance between their embeddings, with a threshold of "
            f"{distance(at.threshold)}, pairs of {measured.split} pictures are told to show one "
            f"person or two with a balanced accuracy of {100 * at.accuracy:.2f} %; the equal error "
            f"rate is {100 * each.eer:.2f} %, the area under the ROC curve {each.auc:.4f}."
        )
    return " ".join(found) or "The network could not be judged."


def conclusion(reported: Reported) -> str:
    """The one figure that counts, and of whom it holds."""
    measured, data = reported.measured, reported.facts.run.dataset
    learnt = f"From {data.counts[Split.TRAIN]:,} pictures of {data.people[Split.TRAIN]:,} people"
    if measured is not None and measured.naming is not None:
        found = f"to name {100 * measured.naming.accuracy.value:.1f} % of other pictures of them"
    elif measured is not None and measured.telling:
        whom = "the same people" if data.split is SplitKind.BY_PHOTO else "other people"
        accuracy = measured.telling[0].separation.accuracy
        found = f"to judge pairs of pictures of {whom} with an accuracy of {100 * accuracy:.1f} %"
    else:
        return f"{learnt} a network was trained, which was not measured."
    vain = measured.naming is not None and not measured.naming.beats_guessing
    but = ", no more than naming always the same person would" if vain else ""
    return f"{learnt} the network learnt {found}{but}."


def _is_of_pairs(reported: Reported) -> bool:
    return reported.facts.run.config.recipe.task is Task.PAIRS
