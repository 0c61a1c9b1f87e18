"""Models for people: values in, words and tables on stdout out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facesearch.cli import text
from facesearch.cli.models.documents import model_document
from facesearch.cli.screen import Column, Piece, Screen, Table

if TYPE_CHECKING:
    from facesearch.cli.models.documents import Document
    from facesearch.models.listing import ListedModel

_WHERE = {"packaged": "packaged", "added": "added", "cached": "here", "download": "to get"}


def show_models(listed: Sequence[ListedModel]) -> None:
    """Two tables: what tells people apart, and what finds faces."""
    screen = Screen()
    documents = [model_document(model) for model in listed]
    screen.line(("Embedders", "bold"), " tell people apart: facesearch index --model NAME")
    screen.print(_embedders([d for d in documents if d["kind"] == "embedder"]))
    screen.blank()
    screen.line(("Detectors", "bold"), " find faces: facesearch index --detector NAME")
    screen.print(_detectors([d for d in documents if d["kind"] == "detector"]))
    screen.blank()
    screen.line(
        (
            "LFW: accuracy on View 2. FNMR: missed at a false match rate of 1 in 1,000. Both, and "
            "speed, as measured here; facesearch compare fills them in.",
            "dim",
        )
    )


def show_model(model: ListedModel) -> None:
    """All that is known of one model."""
    screen = Screen()
    document = model_document(model)
    screen.line((document["name"], "bold"), f", {document['kind']}")
    table = Table((Column(style="dim"), Column()))
    table.add("licence", _licence(document))
    table.add("source", document["source"])
    if document["dimension"] is not None:
        table.add("dimension", f"{document['dimension']:,}")
    if document["input_px"] is not None:
        width, height = document["input_px"]
        table.add("input", f"{width} x {height} px")
    for variant in document["variants"]:
        table.add("", "")
        table.add("engine", variant["engine"])
        table.add("weights", _weights(variant))
        if variant["space"] is not None:
            table.add("space", variant["space"])
        found = variant["measured"]
        if found is not None:
            lfw, fnmr, speed = _measured(variant)
            table.add("measured", f"LFW {lfw}, FNMR {fnmr}, {speed} ms a face")
        for file in variant["files"]:
            table.add("file", file["name"])
            table.add("  sha256", file["sha256"] or "none published: --sha256 or --trust")
            if "path" in file:
                table.add("  belongs at", file["path"])
                for url in file["urls"]:
                    table.add("  from", url)
            else:
                table.add("  in package", file["package"])
    screen.print(table)


def _embedders(documents: Sequence[Document]) -> Table:
    table = Table(
        (
            Column("Name"),
            Column("Dim.", is_number=True),
            Column("Engine"),
            Column("Weights"),
            Column("LFW", is_number=True, style="cyan"),
            Column("FNMR", is_number=True, style="cyan"),
            Column("ms/face", is_number=True, style="cyan"),
            Column("Licence"),
        )
    )
    for document in documents:
        chosen = document["variants"][0]
        table.add(
            document["name"],
            f"{document['dimension']:,}",
            _engines(document),
            _weights(chosen),
            *_measured(chosen),
            _licence(document),
        )
    return table


def _detectors(documents: Sequence[Document]) -> Table:
    table = Table((Column("Name"), Column("Engine"), Column("Weights"), Column("Licence")))
    for document in documents:
        chosen = document["variants"][0]
        table.add(document["name"], _engines(document), _weights(chosen), _licence(document))
    return table


def _engines(document: Document) -> list[Piece]:
    first, *others = (variant["engine"] for variant in document["variants"])
    return [first, (f", {', '.join(others)}", "dim")] if others else [first]


def _weights(variant: Document) -> list[Piece]:
    size = "" if variant["bytes"] is None else f", {text.size_on_disk(variant['bytes'])}"
    words = _WHERE[variant["weights"]]
    pieces: list[Piece] = [words + size]
    if variant["missing"]:
        pieces.append((f"; needs {', '.join(variant['missing'])}", "yellow"))
    return pieces


def _licence(document: Document) -> str:
    licence: str = document["licence"]
    return f"{licence} (non-commercial)" if document["non_commercial"] else licence


def _measured(variant: Document) -> tuple[str, str, str]:
    """LFW accuracy, FNMR and milliseconds a face, each as far as it was measured."""
    found = variant["measured"] or {}
    lfw, fnmr, speed = (found.get(key) for key in ("lfw_accuracy", "fnmr_1e3", "ms_per_face"))
    return (
        "" if lfw is None else f"{100 * lfw:.2f} %",
        "" if fnmr is None else f"{100 * fnmr:.2f} %",
        "" if speed is None else f"{speed:.1f}",
    )
