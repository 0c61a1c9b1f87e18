"""Adding a model of one's own: look into the file, try it on faces, keep it.

In: a model file and what it does not tell. Out: an `AddedModel` with what was measured.
Nothing is stored of a model that does not pass.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from facesearch.errors import InvalidModelFile
from facesearch.models.heads import Head, head_spec
from facesearch.models.onnx import Device, Runtime
from facesearch.models.onnx_detector import OnnxDetector
from facesearch.models.onnx_embedder import OnnxEmbedder
from facesearch.models.own.added import AddedModel, tried
from facesearch.models.own.content import copy_content, is_keras, write_content
from facesearch.models.own.feeding import (
    Asked,
    PerChannel,
    detector_input,
    embedder_input,
    parse_number,
)
from facesearch.models.own.inspect import inspect_onnx
from facesearch.models.own.model import (
    Detects,
    Embeds,
    FileFormat,
    OwnModel,
    now,
    stored_name,
)
from facesearch.models.own.onnx_files import check_runs, one_file, with_free_batch
from facesearch.models.own.outputs import check_detector_outputs, embedding_output
from facesearch.models.own.storing import check_name, store_model
from facesearch.models.preprocessing import Channels, Layout, Number
from facesearch.models.sanity import check_detector, check_embedder, sample_chips
from facesearch.models.templates import TemplateFamily
from facesearch.models.templates import template as template_of

__all__ = ["AddedModel", "add_detector", "add_embedder", "parse_number"]


def add_embedder(
    name: str,
    path: Path,
    *,
    template: TemplateFamily,
    input_px: tuple[int, int] | int | None = None,
    mean: PerChannel | None = None,
    scale: PerChannel | None = None,
    channels: Channels | None = None,
    layout: Layout | None = None,
    standardise: bool = False,
    number: Number | None = None,
    output: str | None = None,
    licence: str = "",
    replace: bool = False,
    force: bool = False,
) -> AddedModel:
    """Add an embedder from an ONNX or Keras file.

    Args:
        name: what it is to be called.
        path: an ONNX file; weights may lie in other files beside it. Or a Keras network:
            a .keras or .h5 file, or a SavedModel folder.
        template: how faces were aligned when it was trained.
        input_px: width and height of its input, where the file leaves them open.
        mean, scale: what it takes pixels as, (pixel - mean) * scale: one number, or three
            for red, green, blue.
        channels: order of colours; None for RGB.
        layout: where the channels are, where the file leaves it open.
        standardise: each chip's own mean and deviation instead of mean and scale.
        number: type of its input; files state it.
        output: the output that is the embedding, where there are several.
        licence: of the weights, as the user states it.
        replace: take the place of a model that was added under this name.
        force: add it although it tells the built-in portraits apart badly.

    Raises:
        ModelError: the name is taken, or it cannot be stored.
        InvalidModelFile: the file will not do, something has to be said of it, or it tells
            the portraits apart badly.
    """
    check_name(name, replace=replace)
    asked = Asked(
        input_px=input_px,
        mean=mean,
        scale=scale,
        channels=channels,
        layout=layout,
        standardise=standardise,
        number=number,
    )
    if is_keras(path):
        from facesearch.models.own.keras_adding import keras_model

        model, report = keras_model(
            name, path, asked, template, output=output, licence=licence, force=force
        )
        store_model(model, partial(copy_content, path), replace=replace)
        return AddedModel(model, report)
    facts = inspect_onnx(name, path)
    output = embedding_output(name, facts, output)
    fed = embedder_input(name, facts.picture, asked)
    given = one_file(name, path, facts)
    check_runs(name, path, facts, given)
    chip = template_of(template, fed.side_px)

    def load(content: bytes) -> OnnxEmbedder:
        return OnnxEmbedder(
            Runtime.on(Device.CPU),
            content,
            name=name,
            preprocessing=fed,
            template=chip,
            space=name,
            dimension=None,
            output=output,
        )

    report = tried(name, lambda: check_embedder(name, load(given)), force=force)
    stored = given
    if facts.batch is not None:
        stored = with_free_batch(given, load, sample_chips(chip.cut))
    sha256 = hashlib.sha256(stored).hexdigest()
    model = OwnModel(
        name=name,
        use=Embeds(template, report.dimension, output),
        file_format=FileFormat.ONNX,
        file=stored_name(sha256, ".onnx"),
        sha256=sha256,
        given_sha256=hashlib.sha256(given).hexdigest(),
        size_bytes=len(stored),
        preprocessing=fed,
        licence=licence,
        added=now(),
    )
    store_model(model, partial(write_content, stored), replace=replace)
    return AddedModel(model, report)


def add_detector(
    name: str,
    path: Path,
    *,
    head: Head,
    input_px: tuple[int, int] | int | None = None,
    mean: PerChannel | None = None,
    scale: PerChannel | None = None,
    channels: Channels | None = None,
    licence: str = "",
    replace: bool = False,
    force: bool = False,
) -> AddedModel:
    """Add a detector from an ONNX file.

    Args:
        name: what it is to be called.
        path: the file; weights may lie in other files beside it.
        head: the family whose output decoding it takes.
        input_px: width and height of its input, where the file leaves them open; None for
            what the family has.
        mean, scale, channels: of its input; None for what the family has.
        licence: of the weights, as the user states it.
        replace: take the place of a model that was added under this name.
        force: add it although it finds the wrong faces in the built-in portraits.

    Raises:
        ModelError: the name is taken, or it cannot be stored.
        InvalidModelFile: the file will not do, or finds the wrong faces in the portraits.
    """
    check_name(name, replace=replace)
    if is_keras(path):
        raise InvalidModelFile(
            name, f"{path} is a Keras network; detectors are added as ONNX files: export it first"
        )
    facts = inspect_onnx(name, path)
    check_detector_outputs(name, facts, head)
    asked = Asked(input_px=input_px, mean=mean, scale=scale, channels=channels)
    fed = detector_input(name, facts.picture, head_spec(head), asked)
    content = one_file(name, path, facts)
    check_runs(name, path, facts, content)
    sha256 = hashlib.sha256(content).hexdigest()

    def load() -> OnnxDetector:
        return OnnxDetector(
            Runtime.on(Device.CPU),
            content,
            name=name,
            sha256=sha256,
            head=head,
            preprocessing=fed,
        )

    report = tried(name, lambda: check_detector(load()), force=force)
    model = OwnModel(
        name=name,
        use=Detects(head),
        file_format=FileFormat.ONNX,
        file=stored_name(sha256, ".onnx"),
        sha256=sha256,
        given_sha256=sha256,
        size_bytes=len(content),
        preprocessing=fed,
        licence=licence,
        added=now(),
    )
    store_model(model, partial(write_content, content), replace=replace)
    return AddedModel(model, report)
