"""What is known of each model's accuracy and speed: measured here, or told in the docs.

In: results of evaluations. Out: a small JSON file for each space in the folder of models, and
`MeasuredModel`s read from it. Reading loads no model and no photo, so that a list of all models
can show it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import facesearch
from facesearch.folders import models_folder, write_whole
from facesearch.models.catalogue import embedder_spec
from facesearch.rates.tables import table_name

if TYPE_CHECKING:
    from facesearch.evaluation.results import LfwResult

FORMAT = 1
# What counts as all of LFW: figures of a part of it must not pass for figures of LFW.
_FOLDS, _PAIRS, _PHOTOS = 10, 5_990, 13_200


@dataclass(frozen=True, slots=True)
class View2Figures:
    """Accuracy on LFW's View 2, in 0..1, with its standard error; with which facesearch, when."""

    accuracy: float
    standard_error: float | None
    facesearch: str
    date: str


@dataclass(frozen=True, slots=True)
class AllPairsFigures:
    """FNMR over all pairs of LFW's photos, in 0..1.

    Attributes:
        fnmr_1e3, fnmr_1e4: where one in 1,000, or 10,000, pairs of strangers is taken for one
            person; None where there were too few pairs to see such a rate.
        protocol: which pairs, in words.
        facesearch, date: with which version, when.
    """

    fnmr_1e3: float | None
    fnmr_1e4: float | None
    protocol: str
    facesearch: str
    date: str


@dataclass(frozen=True, slots=True)
class SpeedFigures:
    """How long a face takes to embed, detection and decoding not counted.

    Attributes:
        ms_per_face: median, in batches, one call at a time.
        device, engine: what the network ran on.
        machine: the processor's name.
        facesearch, date: with which version, when.
    """

    ms_per_face: float
    device: str
    engine: str
    machine: str
    facesearch: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredModel:
    """What is known of a space; what was not measured is None."""

    space: str
    view2: View2Figures | None = None
    all_pairs: AllPairsFigures | None = None
    speed: SpeedFigures | None = None

    def to_document(self) -> dict[str, Any]:
        """The figures by flat names, and each part in full."""
        view2, pairs, speed = self.view2, self.all_pairs, self.speed
        return {
            "lfw_accuracy": None if view2 is None else view2.accuracy,
            "lfw_standard_error": None if view2 is None else view2.standard_error,
            "fnmr_1e3": None if pairs is None else pairs.fnmr_1e3,
            "fnmr_1e4": None if pairs is None else pairs.fnmr_1e4,
            "ms_per_face": None if speed is None else speed.ms_per_face,
            "view2": None if view2 is None else dataclasses.asdict(view2),
            "all_pairs": None if pairs is None else dataclasses.asdict(pairs),
            "speed": None if speed is None else dataclasses.asdict(speed),
        }


def _shipped(
    space: str, accuracy: float, standard_error: float, fnmr_1e3: float, fnmr_1e4: float
) -> MeasuredModel:
    version, date = "0.1.0", "2026-11-22"
    words = (
        "all pairs of at most 10 photos a person within each of View 2's ten sets of people, "
        "judged by maps that have not seen them; docs/benchmarks.md"
    )
    return MeasuredModel(
        space=space,
        view2=View2Figures(accuracy, standard_error, version, date),
        all_pairs=AllPairsFigures(fnmr_1e3, fnmr_1e4, words, version, date),
    )


_SHIPPED = (
    _shipped("dlib-resnet34@55533b28:two-scales-l1", 0.9927, 0.0011, 0.0370, 0.1170),
    _shipped("dlib-resnet34@55533b28:three-scales-mirror-l1", 0.9940, 0.0008, 0.0343, 0.1099),
)


def shipped_measures() -> dict[str, MeasuredModel]:
    """What docs/benchmarks.md says of the models that come with facesearch, by space."""
    return {model.space: model for model in _SHIPPED}


def measured(space: str) -> MeasuredModel | None:
    """What is known of a space: measured on this machine, else shipped; None where nothing is.

    A file that is damaged counts as none: it is written anew by the next measurement.
    """
    own, shipped = _read(space), shipped_measures().get(space)
    return own if shipped is None else shipped if own is None else _merged(shipped, own)


def remember_measured(model: MeasuredModel) -> str | None:
    """Keep what was measured, beside what is known already.

    Returns:
        A sentence for the user where it could not be kept; that costs no result.
    """
    known = _read(model.space)
    merged = model if known is None else _merged(known, model)
    document = {"format": FORMAT, **dataclasses.asdict(merged)}
    path = _path(model.space)
    try:
        write_whole(path, (json.dumps(document, indent=1) + "\n").encode("utf-8"))
    except OSError as error:
        return f"the figures are not remembered, {path} cannot be written: {error.strerror}"
    return None


def figures_of(result: LfwResult) -> MeasuredModel | None:
    """What an evaluation of LFW tells about its space; None where it was of a part of LFW, or
    of people whom the model learned from."""
    version, date = facesearch.__version__, today()
    run, view2, pairs = result.run, result.view2, result.all_pairs
    if embedder_spec(run.embedder).learned_from == "LFW" and not run.cross_validated:
        return None
    accuracy = all_pairs = None
    if view2 is not None and is_all_of_view2(
        len(view2.folds), view2.genuine_pairs + view2.impostor_pairs
    ):
        accuracy = View2Figures(view2.accuracy, view2.standard_error, version, date)
    if pairs is not None and is_all_of_lfw(run.photos):
        few, fewer = pairs.at(1e-3).fnmr, pairs.at(1e-4).fnmr
        all_pairs = AllPairsFigures(
            None if few is None else few.value,
            None if fewer is None else fewer.value,
            all_pairs_protocol(run.max_photos_per_person, by_sets=run.cross_validated),
            version,
            date,
        )
    if accuracy is None and all_pairs is None:
        return None
    return MeasuredModel(space=run.space, view2=accuracy, all_pairs=all_pairs)


def is_all_of_view2(folds: int, pairs: int) -> bool:
    """Whether these are the ten folds of View 2, but for a photo or two."""
    return folds == _FOLDS and pairs >= _PAIRS


def is_all_of_lfw(photos: int) -> bool:
    """Whether these are the 13,233 photos of LFW, but for a few."""
    return photos >= _PHOTOS


def all_pairs_protocol(photos_per_person: int, *, by_sets: bool) -> str:
    """Which pairs, in words."""
    within = " within each of View 2's ten sets of people" if by_sets else ""
    return f"all pairs of at most {photos_per_person} photos a person{within}"


def today() -> str:
    """The date, ISO 8601 in UTC."""
    return datetime.now(UTC).date().isoformat()


def machine_name() -> str:
    """The processor's name, as far as the system tells it."""
    if platform.system() == "Darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        try:
            return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _path(space: str) -> Path:
    return models_folder() / "measured" / table_name(space)


_Figures = TypeVar("_Figures", View2Figures, AllPairsFigures, SpeedFigures)


def _read(space: str) -> MeasuredModel | None:
    path = _path(space)
    if not os.path.exists(path):
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT or stored["space"] != space:
            return None
        return MeasuredModel(
            space=space,
            view2=_part(View2Figures, stored["view2"]),
            all_pairs=_part(AllPairsFigures, stored["all_pairs"]),
            speed=_part(SpeedFigures, stored["speed"]),
        )
    except (OSError, KeyError, TypeError, ValueError):
        return None


def _part(kind: type[_Figures], stored: dict[str, Any] | None) -> _Figures | None:
    return None if stored is None else kind(**stored)


def _merged(older: MeasuredModel, newer: MeasuredModel) -> MeasuredModel:
    return MeasuredModel(
        space=newer.space,
        view2=newer.view2 or older.view2,
        all_pairs=newer.all_pairs or older.all_pairs,
        speed=newer.speed or older.speed,
    )
