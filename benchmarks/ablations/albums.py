"""Whether what was chosen on LFW holds on other photos: full-size ones, other people.

Comes in: the data folder's albums/pairs62, whose photos the maps were never fitted to.
Goes out: rows of a table: the area under the ROC curve, and the distance of the nearest
impostor pair as a share of that of the farthest genuine pair, both in percent, without the
learned map and with it. Above 100 % one distance parts them all.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

import numpy as np

from benchmarks.data import Data
from facesearch.models.dlib_resnet import BEST, FAST, DlibResNet
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.onnx import Runtime
from facesearch.models.projection import unit_rows
from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.values import FloatArray

Line = tuple[str, list[float]]

FIGURES = ("area under ROC", "nearest impostor to farthest genuine")


def table(data: Data) -> Iterator[Line]:
    """What the settings are worth on pairs62, by the largest face of each photo."""
    runtime = Runtime.on()
    detector = Mtcnn(runtime)
    embedders = {setting.alignment: DlibResNet(runtime, setting) for setting in (FAST, BEST)}
    sums: dict[str, list[FloatArray]] = {name: [] for name in embedders}
    row_of: dict[str, int] = {}
    for path in data.pairs62():
        image = open_photo(path.read_bytes(), str(path), DecodeLimits()).decode()
        faces = detector.detect([image])[0]
        if not faces:
            continue
        row_of[path.name] = len(row_of)
        for name, embedder in embedders.items():
            chips = embedder.cut(image, faces[0].landmarks)
            sums[name].append(embedder.sum_views(chips[None])[0])
    with (data.folder / "albums" / "pairs62" / "pairs.csv").open(encoding="utf-8") as file:
        pairs = [
            (row_of[line["file_x"]], row_of[line["file_y"]], line["Decision"] == "Yes")
            for line in csv.DictReader(file)
            if line["file_x"] in row_of and line["file_y"] in row_of
        ]
    first, second, same = (np.array(column) for column in zip(*pairs, strict=True))
    for name, embedder in embedders.items():
        total = np.stack(sums[name])
        for what, rows in (
            ("without its map", unit_rows(total)),
            ("", embedder.projection.apply(total)),
        ):
            distances = 1 - (rows[first] * rows[second]).sum(axis=1)
            yield f"{name} {what}".strip(), _figures(distances[same], distances[~same])


def _figures(genuine: FloatArray, impostors: FloatArray) -> list[float]:
    area = np.mean(genuine[:, None] < impostors)
    return [100 * float(area), 100 * float(impostors.min() / genuine.max())]
