"""Writing a Keras network that was added as an ONNX file.

In: the name of an added model. Out: a file that takes chips as they are. Loads TensorFlow.
"""

from __future__ import annotations

from pathlib import Path

from facesearch.errors import InvalidModelFile, InvalidValue, UnknownModel
from facesearch.models.keras_export import ExportReport, export_onnx
from facesearch.models.own.model import Embeds, FileFormat
from facesearch.models.own.records import BrokenModel, own_model, own_models
from facesearch.models.sanity import sample_chips
from facesearch.models.templates import template


def export_added(name: str, target: Path) -> ExportReport:
    """Write an added Keras network as ONNX, and compare both on the built-in portraits.

    Args:
        name: of the model.
        target: the file to write; must not exist.

    Raises:
        UnknownModel: nothing was added under that name.
        InvalidModelFile: it is an ONNX file already, or a detector.
        WeightsDamaged: its file is not the one that was added.
        ModelError: it cannot be converted, or the results differ.
        InvalidValue: the target exists.
    """
    own = own_model(name)
    if own is None:
        there = ", ".join(model.name for model in own_models()) or "none"
        raise UnknownModel(name, f"no model {name!r} was added here; added models: {there}")
    if isinstance(own, BrokenModel):
        raise own.error()
    if own.file_format is not FileFormat.KERAS or not isinstance(own.use, Embeds):
        raise InvalidModelFile(name, f"{name} is an ONNX file already, so there is nothing to do")
    if target.exists():
        raise InvalidValue(f"{target} exists: name another file")
    chip = template(own.use.template, own.preprocessing.side_px)
    return export_onnx(
        own.checked_path(),
        target,
        own.preprocessing,
        own.use.output,
        chips=sample_chips(chip.cut),
        name=name,
    )
