"""Makes the learned maps that the default embedders end with.

``python -m benchmarks.projection --data DIR [--work DIR] [--check]`` from the top folder
of a checkout looks at all of LFW, fits the map of each setting to people with at most ten
photos each, and writes into facesearch/models/projections/

    dlib-resnet34.npy, dlib-resnet34-best.npy     float32 (128, 128)
    dlib-resnet34.json, dlib-resnet34-best.json   from what, how, and the figures
    dlib-resnet34-crossed.npy, ...                float32 (10, 128, 128), for evaluations on LFW:
                                                  each fitted without one set of people

The figures come from cross-validation over the ten sets of people of LFW's View 2: every
pair is judged by a map that was fitted without either person. They are never those of the
shipped map on the people it was fitted to. ``--check`` writes nothing and only shows them.
Prints the SHA-256 that facesearch/models/dlib_resnet.py has to name. The cross-validated
vectors stay in the work folder, as NAME-crossed.npz: benchmarks.impostors makes tables of
false match rates from them.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ablations.faces import MOST_PHOTOS, Laboratory
from benchmarks.ablations.learning import Fit, cross_fitted, fit_map, genuine_pairs
from benchmarks.ablations.measures import RATES, accuracy, fnmr_at, rank_one
from benchmarks.data import Data
from facesearch.models import projection
from facesearch.models.dlib_resnet import BEST, FAST, DlibSetting
from facesearch.models.projection import unit_rows
from facesearch.values import FloatArray

DEFAULT_WORK = Path(__file__).parent / ".cache" / "ablations"
TARGET = Path(projection.__file__).parent / "projections"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, cross-validate, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.projection", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with lfw/")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="where results are kept")
    parser.add_argument("--check", action="store_true", help="write nothing")
    chosen = parser.parse_args(arguments)
    data = Data(chosen.data)
    laboratory = Laboratory(data, chosen.work)
    for setting in (FAST, BEST):
        rows = looked_at(laboratory, setting)
        crossed = chosen.work / f"{Path(setting.projection.path).stem}-crossed.npz"
        figures, matrices = cross_validated(laboratory, data, rows, crossed)
        print(f"{setting.space}: {figures}")
        if not chosen.check:
            _write(setting, laboratory, rows, figures)
            _save(Path(setting.crossed.path).name, np.stack(matrices))
    return 0


def looked_at(laboratory: Laboratory, setting: DlibSetting) -> FloatArray:
    """What the network says of all faces in the views of a setting, at length 1."""
    everyone = np.arange(len(laboratory.faces.paths))
    total = np.zeros((len(everyone), 128), dtype=np.float32)
    for view in setting.views:
        seen = laboratory.descriptors(view.template.name, view.template.cut, everyone)
        total += seen[view.mirrored]
    return unit_rows(total)


def cross_validated(
    laboratory: Laboratory, data: Data, rows: FloatArray, kept: Path
) -> tuple[dict[str, Any], list[FloatArray]]:
    """The figures of docs/decisions/accuracy-settings.md, before and after the map, and the map
    of each set of people."""
    faces = laboratory.faces
    mapped, matrices = cross_fitted(rows, faces.people, faces.folds, faces.capped)
    np.savez(kept, people=faces.people, vectors_cv=mapped, fold=faces.folds)
    asked = faces.shared
    ranks = [
        rank_one(unit_rows(rows @ matrix), faces.people, faces.folds == fold)
        for fold, matrix in enumerate(matrices)
    ]
    probes = [int((asked & (faces.folds == fold)).sum()) for fold in range(len(matrices))]
    figures = {
        "without the map": _figures(laboratory, data, rows)
        | {"rank-1, percent": round(rank_one(rows, faces.people), 2)},
        "with it": _figures(laboratory, data, mapped)
        | {"rank-1, percent": round(float(np.average(ranks, weights=probes)), 2)},
    }
    return figures, list(matrices)


def _save(name: str, matrix: FloatArray) -> str:
    """Write a matrix, and return its SHA-256."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(matrix, dtype=np.float32))
    digest = hashlib.sha256(file.getvalue()).hexdigest()
    TARGET.mkdir(exist_ok=True)
    (TARGET / name).write_bytes(file.getvalue())
    print(f"wrote {name}, SHA-256 {digest}")
    return digest


def _figures(laboratory: Laboratory, data: Data, rows: FloatArray) -> dict[str, Any]:
    faces, capped = laboratory.faces, laboratory.faces.capped
    shares = fnmr_at(rows[capped], faces.people[capped], faces.folds[capped])
    return {
        "View 2 accuracy, percent": round(accuracy(rows, faces.paths, data.lfw_folds()), 2),
        "FNMR in percent at FMR": {
            f"{rate:g}": round(share, 2) for rate, share in zip(RATES, shares, strict=True)
        },
    }


def _write(
    setting: DlibSetting, laboratory: Laboratory, rows: FloatArray, figures: dict[str, Any]
) -> None:
    faces = laboratory.faces
    people: NDArray[np.int64] = faces.people[faces.capped]
    path = TARGET / Path(setting.projection.path).name
    digest = _save(path.name, fit_map(rows[faces.capped], people))
    about = {
        "what": "the learned map at the end of an embedder: embedding = x @ matrix at length 1",
        "space": setting.space,
        "sha256": digest,
        "made by": "python -m benchmarks.projection",
        "fitted to": "Labeled Faces in the Wild, the face nearest the middle of each photo",
        "photos": int(faces.capped.sum()),
        "most photos of a person": MOST_PHOTOS,
        "people": len(np.unique(people)),
        "genuine pairs": len(genuine_pairs(people)),
        "fit": dataclasses.asdict(Fit()),
        "figures": figures,
        "about the figures": "ten-fold cross-validation over people: each pair is judged by "
        "a map fitted without either person (in rank-1, without the probe); "
        "the shipped map is fitted to all of them",
    }
    path.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
