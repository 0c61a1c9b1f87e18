"""From a run to a model that searches: its embedding as a file, added under a name, its rates.

In: a run's folder. Out: a .keras or .onnx file that takes chips as they are, uint8 RGB; or a
model of the catalogue, with the rates of its space. What the network does with pixels first is
part of it, so training and searching cannot differ.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as replace_parts
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from facesearch.errors import FaceSearchError, InvalidDataset, InvalidModelFile, InvalidValue
from facesearch.evaluation.model_rates import MeasuredRates
from facesearch.models.files import disk_errors
from facesearch.models.keras_export import ExportReport, export_onnx
from facesearch.models.keras_files import load_keras
from facesearch.models.own.added import AddedModel
from facesearch.models.preprocessing import Layout, Number, Preprocessing
from facesearch.models.sanity import EmbedderReport
from facesearch.models.templates import TemplateFamily
from facesearch.photos.files import printable
from facesearch.training import networks
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.options import Split
from facesearch.training.folder import BEST, RunFolder, Status, is_run
from facesearch.values import ByteArray

if TYPE_CHECKING:
    from facesearch.models.keras_files import KerasNetwork

OnProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Told what is done, how many are, and how many there are; None where nobody knows."""

__all__ = ["AddedTrained", "add_trained", "export_run", "is_run"]

_COMPARED = 64
_CAUSES = (
    "To tell people apart whom it never saw it takes more people, more photos of each, or more "
    "epochs"
)


@dataclass(frozen=True, slots=True)
class AddedTrained:
    """A trained network that was added.

    Attributes:
        added: what was stored, and how it did on the built-in portraits; its report's
            `problem` says what speaks against it.
        export: the ONNX file compared with the network of Keras.
        rates: of its space; None where they could not be measured.
        why_no_rates: and why not; empty where they were.
        warnings: sentences for the user.
    """

    added: AddedModel
    export: ExportReport
    rates: MeasuredRates | None
    why_no_rates: str
    warnings: tuple[str, ...]


def export_run(run_folder: Path, target: Path, *, dataset: Path | None = None) -> ExportReport:
    """Write the embedding of a run's best network as a file.

    Args:
        run_folder: of the run.
        target: a name that ends in .onnx or .keras; replaced where it exists.
        dataset: of the run, where it was moved.

    Returns:
        What was written. Of a .keras file nothing was compared, and `opset` is 0.

    Raises:
        InvalidValue: there is no run, or the target is called otherwise.
        InvalidModelFile: the run has no network yet, or not the last touch to its embedding.
        ModelError: it cannot be converted, or gives other embeddings as ONNX; nothing was
            written then.
    """
    run = RunFolder.open(run_folder)
    if target.suffix not in (".onnx", ".keras"):
        raise InvalidValue(f"{printable(str(target))}: name a file that ends in .onnx or .keras")
    network = _network(run)
    if target.suffix == ".onnx":
        chips = _chips(run, _dataset(run, dataset)[0])
        return _as_onnx(run, network, target, chips)
    embedding = _embedding(network)
    with disk_errors(target.stem, target.parent, elsewhere="choose another target"):
        networks.save(embedding, target)
    size, dimension = target.stat().st_size, int(embedding.output_shape[-1])
    return ExportReport(target, 0, size, dimension, 0, 0.0)


def add_trained(
    name: str,
    run_folder: Path,
    *,
    licence: str = "",
    replace: bool = False,
    dataset: Path | None = None,
    template: TemplateFamily | None = None,
    on_progress: OnProgress | None = None,
) -> AddedTrained:
    """Add the network of a run as an embedder, and measure the rates of its space.

    Rates are measured on the people that the dataset keeps for judging. Where these were
    trained on too, or there are too few of them, that is said.

    Args:
        name: what it is to be called.
        run_folder: of the run.
        licence: of the training data, as the user states it.
        replace: take the place of a model that was added under this name.
        dataset: of the run, where it was moved.
        template: how its chips are framed, where the dataset does not say.
        on_progress: told how far it is.

    Raises:
        InvalidValue: there is no run, nobody said how its chips are framed, or it was said
            otherwise.
        InvalidModelFile: the run has no network yet, or one that cannot serve.
        InvalidDataset: the dataset that is named is another one.
        ModelError: the name is taken, the export differs, or it cannot be stored.
        OSError: the rates cannot be written.
    """
    from facesearch.models.own.adding import add_embedder
    from facesearch.models.own.storing import check_name
    from facesearch.training.rates import measure_trained

    tell = on_progress or (lambda what, done, total: None)
    check_name(name, replace=replace)
    run = RunFolder.open(run_folder)
    framed = _template(run, template)
    network = _network(run)
    chips, why = _dataset(run, dataset)
    warnings = _warnings(run)
    tell("exporting to ONNX", 0, None)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "embedding.onnx")
        export = _as_onnx(run, network, path, _chips(run, chips, framed), name)
        tell("trying it on portraits", 0, None)
        # A weak network is what its user trained: they are told, and may have it.
        added = add_embedder(
            name, path, template=framed, licence=licence, replace=replace, force=True
        )
        if isinstance(added.report, EmbedderReport):
            added = replace_parts(added, report=replace_parts(added.report, causes=_CAUSES))
    if export.silent:
        warnings.append(
            f"it says nothing of {export.silent} of {export.chips} chips (all its numbers are 0): "
            "such faces are not found, and facesearch failures lists them"
        )
    rates = None
    if chips is not None:
        try:
            rates = measure_trained(name, run, chips, tell)
        except FaceSearchError as error:
            why = str(error)
    if rates is not None:
        warnings += rates.warnings
    return AddedTrained(added, export, rates, why, tuple(warnings))


def _network(run: RunFolder) -> KerasNetwork:
    """The best network of a run, of both outputs.

    Raises:
        InvalidModelFile: there is none yet, or its embedding lacks what the end of the run
            gives it.
    """
    shown, path = printable(str(run.path)), run.path / BEST
    recipe, why = run.config.recipe, ""
    standing = run.standing()
    cure = "go on with it by --resume"
    if standing.status is Status.FAILED:
        cure = f"the run failed, since {standing.why}"
    if not path.exists():
        why = f"no epoch of {shown} is finished: {cure}"
        if standing.best is not None:
            why = f"{printable(str(path))} is gone: --resume puts it back from the checkpoints"
    elif recipe.finish is not None and standing.status is not Status.FINISHED:
        why = (
            f"{shown} is not finished, and the embedding of {recipe.name} is scaled at its end: "
            f"{cure}"
        )
    if why:
        raise InvalidModelFile(recipe.name, why)
    from facesearch.training.recipes import layers  # noqa: F401  (registers them with Keras)

    return load_keras(path, recipe.name)


def _embedding(network: KerasNetwork) -> Any:
    import tf_keras

    model = network.model
    return tf_keras.Model(model.input, model.outputs[-1], name=f"{model.name}_embedding")


def _as_onnx(
    run: RunFolder,
    network: KerasNetwork,
    target: Path,
    chips: ByteArray,
    name: str | None = None,
) -> ExportReport:
    side = run.dataset.chip_px
    fed = Preprocessing(width_px=side, height_px=side, layout=Layout.NHWC, number=Number.UINT8)
    output = list(network.outputs)[-1]
    return export_onnx(network.model, target, fed, output, chips=chips, name=name)


def _template(run: RunFolder, stated: TemplateFamily | None = None) -> TemplateFamily:
    """How the chips of a run are framed.

    Args:
        stated: by the user.

    Raises:
        InvalidValue: neither its dataset nor the user says it, or they do not agree.
    """
    name = run.dataset.name
    if run.dataset.template is None:
        if stated is None:
            raise InvalidValue(
                f"nobody said how the chips of {name} are framed, so faces cannot be cut like "
                "them: state it with --template"
            )
        return stated
    framed = TemplateFamily(run.dataset.template.family)
    if stated not in (None, framed):
        raise InvalidValue(
            f"the chips of {name} are framed as {framed} has it, so faces have to be, too: leave "
            f"--template {stated} out"
        )
    return framed


def _dataset(run: RunFolder, moved: Path | None) -> tuple[ChipDataset | None, str]:
    """The dataset of a run; or None, and why.

    Raises:
        InvalidDataset: the one that was named is damaged, or another one.
    """
    place = Path(run.standing().dataset) if moved is None else moved
    try:
        return run.chips_at(place), ""
    except InvalidDataset as error:
        if moved is not None:
            raise
        shown = printable(str(place))
        if not place.exists():
            return None, (
                f"that takes the dataset it was trained on, which is not at {shown} any more: name "
                "its place with --dataset"
            )
        return None, f"that takes the dataset it was trained on, and {error}"


def _chips(
    run: RunFolder, dataset: ChipDataset | None, framed: TemplateFamily | None = None
) -> ByteArray:
    """Chips to compare an export on: of the validation; of the portraits where they are gone."""
    if dataset is not None:
        count = min(_COMPARED, dataset.count(Split.VALIDATION))
        return dataset.read(Split.VALIDATION, range(count))
    from facesearch.models.sanity import sample_chips
    from facesearch.models.templates import template

    family = framed or (TemplateFamily.ARCFACE if run.dataset.template is None else _template(run))
    return np.ascontiguousarray(sample_chips(template(family, run.dataset.chip_px).cut))


def _warnings(run: RunFolder) -> list[str]:
    standing = run.standing()
    if standing.status is Status.FINISHED:
        return []
    what = "failed" if standing.status is Status.FAILED else "is not finished"
    return [f"the run {what}: this is the best of {standing.epoch} epochs"]
