"""Adding a Keras network: its file is asked, and it is tried on the built-in portraits.

In: a .keras or .h5 file or a SavedModel folder. Out: a record of it, and how it did. Loads
TensorFlow.
"""

from __future__ import annotations

from pathlib import Path

from facesearch.errors import InvalidModelFile
from facesearch.models.base import Device
from facesearch.models.keras_embedder import KerasEmbedder, KerasFacts, inspect_keras
from facesearch.models.own.added import tried
from facesearch.models.own.content import content_bytes, content_digest
from facesearch.models.own.feeding import Asked, embedder_input
from facesearch.models.own.inspect import InputFacts
from facesearch.models.own.model import Embeds, FileFormat, OwnModel, now, stored_name
from facesearch.models.preprocessing import Layout, Number
from facesearch.models.sanity import EmbedderReport, check_embedder
from facesearch.models.templates import TemplateFamily
from facesearch.models.templates import template as template_of
from facesearch.models.tensorflow import TensorFlowRuntime

# What Keras calls layers that take means off or scale, unless somebody names them.
_NORMALISES = ("rescaling", "normalization")


def keras_model(
    name: str,
    path: Path,
    asked: Asked,
    template: TemplateFamily,
    *,
    output: str | None,
    licence: str,
    force: bool,
) -> tuple[OwnModel, EmbedderReport]:
    """Look into a Keras network and try it; see `adding.add_embedder`.

    Raises:
        InvalidModelFile: it will not do, or something has to be said of it.
        PackageMissing: TensorFlow or the Keras that it needs is not installed.
    """
    facts = inspect_keras(path, name=name)
    if output is None and facts.is_classifier:
        layer = facts.embedding_layer or "NAME"
        raise InvalidModelFile(
            name,
            f"{name} ends in shares of the people it was trained on, which is no embedding: take "
            f"the layer before, with --output {layer}",
        )
    fed = embedder_input(name, _input_facts(name, facts), asked)
    runtime = TensorFlowRuntime.on(Device.CPU)

    def load() -> KerasEmbedder:
        return KerasEmbedder(
            runtime,
            path,
            name=name,
            preprocessing=fed,
            template=template_of(template, fed.side_px),
            space=name,
            dimension=None,
            output=output,
        )

    report = tried(name, lambda: check_embedder(name, load()), force=force)
    sha256 = content_digest(path)
    model = OwnModel(
        name=name,
        use=Embeds(template, report.dimension, output),
        file_format=FileFormat.KERAS,
        file=stored_name(sha256, path.suffix),
        sha256=sha256,
        given_sha256=sha256,
        size_bytes=content_bytes(path),
        preprocessing=fed,
        licence=licence,
        added=now(),
    )
    return model, report


def _input_facts(name: str, facts: KerasFacts) -> InputFacts:
    if facts.dtype not in list(Number):
        raise InvalidModelFile(
            name,
            f"{name} takes pixels as {facts.dtype}; facesearch gives {', '.join(Number)}: save it "
            "with another input type",
        )
    height, width, _ = facts.input_shape
    return InputFacts(
        width_px=width,
        height_px=height,
        layout=Layout.NHWC,
        number=Number(facts.dtype),
        normalises=any(layer.startswith(_NORMALISES) for layer in facts.layers[:3]),
    )
