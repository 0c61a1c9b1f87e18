"""Datasets for people and for programs: values in, lines on stdout or JSON documents out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from facesearch.cli import text
from facesearch.cli.screen import Column, Screen, Table

if TYPE_CHECKING:
    from facesearch.training.dataset.chips import ChipDataset
    from facesearch.training.dataset.making import DatasetReport
    from facesearch.training.dataset.manifest import Manifest

Document: TypeAlias = dict[str, Any]


def stopping() -> None:
    """Say that the run will stop soon. Safe to call from a signal handler."""
    os.write(2, b"facesearch: stopping; the chips are kept, and the same command goes on\n")


def show_report(report: DatasetReport) -> None:
    """What `dataset make` did."""
    screen = Screen()
    if report.manifest is None:
        screen.line(f"Stopped. Run the same command again to go on: {report.folder}")
        return
    if report.already:
        screen.line(
            f"Nothing to do: made on {report.manifest.created[:10]}, with the same options. "
            "Photos that were added since are not in it."
        )
    else:
        words = f"{text.count(report.photos, 'photo')} in {text.duration(report.seconds)}"
        if report.resumed:
            words += f", {report.resumed:,} of them in an earlier run"
        screen.line(words)
        if report.failed_by_reason:
            failed = ", ".join(f"{n:,} {reason}" for reason, n in report.failed_by_reason.items())
            screen.line((f"without a chip: {failed}; see failures.csv", "yellow"))
    _show_splits(screen, report.manifest)
    screen.line((f"Dataset: {report.folder}", "dim"))


def show_info(dataset: ChipDataset, sheet: Path | None, *, verified: bool) -> None:
    """What is in a dataset."""
    manifest, screen = dataset.manifest, Screen()
    template = "not said" if manifest.template is None else manifest.template.name
    kind = manifest.split.value + (", as published" if manifest.published else "")
    table = Table((Column(style="bold"), Column()))
    table.add("dataset", str(dataset.folder))
    table.add("people", f"{len(manifest.classes):,}")
    table.add("chips", f"{sum(manifest.counts.values()):,}")
    table.add("size", f"{manifest.chip_px} x {manifest.chip_px} px, template {template}")
    table.add("split", f"{kind}, seed {manifest.seed}")
    table.add("storage", _storage(dataset))
    table.add("from", f"{manifest.source['kind']}: {manifest.source['path']}")
    table.add("left out", f"{manifest.failures:,} photos, {manifest.left_out:,} people")
    table.add("made", f"{manifest.created} by facesearch {manifest.facesearch}")
    table.add("digest", manifest.digest + (", every chip verified" if verified else ""))
    screen.print(table)
    screen.blank()
    _show_splits(screen, manifest)
    if sheet is not None:
        screen.line((f"Sheet: {sheet}", "dim"))
    elif screen.is_terminal:
        screen.line(("To see chips of some people: --sheet sheet.png", "dim"))


def report_document(report: DatasetReport) -> Document:
    """What `dataset make` did."""
    return {
        "folder": report.folder,
        "already": report.already,
        "cancelled": report.cancelled,
        "photos": report.photos,
        "resumed": report.resumed,
        "failed_by_reason": report.failed_by_reason,
        "seconds": round(report.seconds, 3),
        "warnings": list(report.warnings),
        "dataset": None if report.manifest is None else _manifest(report.manifest),
    }


def info_document(dataset: ChipDataset, sheet: Path | None, *, verified: bool) -> Document:
    """What is in a dataset."""
    return {
        "folder": str(dataset.folder),
        "verified": verified,
        "sheet": None if sheet is None else str(sheet),
        "bytes": _bytes(dataset),
        **_manifest(dataset.manifest),
    }


def _manifest(manifest: Manifest) -> Document:
    return {name: value for name, value in manifest.to_json().items() if name != "format"}


def _show_splits(screen: Screen, manifest: Manifest) -> None:
    table = Table((Column("Split"), Column("Chips", is_number=True), Column("People", True)))
    for split, chips in manifest.counts.items():
        if chips:
            table.add(split.value, f"{chips:,}", f"{manifest.people[split]:,}")
    screen.print(table)


def _storage(dataset: ChipDataset) -> str:
    size, files = text.size_on_disk(_bytes(dataset)), len(dataset.manifest.files)
    if files:
        return f"{text.count(files, 'TFRecord file')}, {size}"
    return f"folders of JPEG files, {size}"


def _bytes(dataset: ChipDataset) -> int:
    files = dataset.manifest.files
    if files:
        return sum(files.values())
    return sum(chip.bytes for split in dataset.manifest.counts for chip in dataset.rows(split))
