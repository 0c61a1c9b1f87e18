"""Rectangles that may be faces: kept, squared, and suppressed by better ones.

In: candidates with their logits. Out: fewer of them. Coordinates are pixels of the image
array. What suppresses what follows the package `mtcnn` 1.0.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.values import FloatArray

# Suppression within one scale and between scales: intersection over union.
_SAME_SCALE_IOU, _SCALES_IOU = 0.5, 0.7
# Rectangles up to which all pairs are compared at once.
_LARGEST_MATRIX = 400


@dataclass(slots=True, eq=False)
class Candidates:
    """Rectangles under consideration, in pixels of the image array.

    Attributes:
        image: int64 (n,), which image of the batch.
        corners: float32 (n, 4), left, top, right, bottom.
        logit: float32 (n,), of the probability that it is a face.
    """

    image: NDArray[np.int64]
    corners: FloatArray
    logit: FloatArray

    def __len__(self) -> int:
        return len(self.image)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Candidates:
        return Candidates(self.image[rows], self.corners[rows], self.logit[rows])


def concatenate(parts: Sequence[Candidates]) -> Candidates:
    if not parts:
        return Candidates(
            np.empty(0, np.int64), np.empty((0, 4), np.float32), np.empty(0, np.float32)
        )
    return Candidates(
        np.concatenate([p.image for p in parts]),
        np.concatenate([p.corners for p in parts]),
        np.concatenate([p.logit for p in parts]),
    )


def squared(found: Candidates) -> Candidates:
    """Each rectangle grown to a square around the same centre."""
    extent = found.corners[:, 2:] - found.corners[:, :2]
    side = extent.max(axis=1, keepdims=True) if len(found) else extent[:, :1]
    origin = found.corners[:, :2] + extent * 0.5 - side * 0.5
    return Candidates(found.image, np.concatenate([origin, origin + side], axis=1), found.logit)


def suppress(found: Candidates, threshold: float, *, by_smaller: bool) -> NDArray[np.int64]:
    """Rows that no better row of the same image overlaps by more than the threshold.

    Overlap is intersection over union, or over the smaller of the two. Best first
    within an image. A row counts even where it was itself suppressed: that is what the
    package does, and it needs no loop.
    """
    kept = [np.empty(0, np.int64)]
    for number in np.unique(found.image):
        rows = np.flatnonzero(found.image == number)
        rows = rows[np.argsort(-found.logit[rows], kind="stable")]
        kept.append(rows[~covered(found.corners[rows], threshold, by_smaller=by_smaller)])
    return np.concatenate(kept)


def suppress_cells(
    corners: FloatArray, logit: FloatArray, level: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Rows of one image's cells left after suppression within, then between its scales."""
    order = np.argsort(-logit, kind="stable")
    if order.size > _LARGEST_MATRIX:
        # Within each scale first: the matrix of all pairs would not fit the cache.
        kept = [
            rows[~covered(corners[rows], _SAME_SCALE_IOU, by_smaller=False)]
            for number in np.unique(level)
            for rows in (order[level[order] == number],)
        ]
        left = np.concatenate(kept)
        left = left[np.argsort(-logit[left], kind="stable")]
        return left[~covered(corners[left], _SCALES_IOU, by_smaller=False)]
    best_first = corners[order]
    overlap = _overlaps(best_first, best_first, by_smaller=False)
    same = level[order][:, None] == level[order][None, :]
    alive = ~_meets_earlier((overlap > _SAME_SCALE_IOU) & same)
    left = order[alive]
    return left[~_meets_earlier(overlap[np.ix_(alive, alive)] > _SCALES_IOU)]


def covered(corners: FloatArray, threshold: float, *, by_smaller: bool) -> NDArray[np.bool_]:
    """Which rectangles overlap an earlier one by more than the threshold.

    Compared in blocks: a picture of a thousand faces proposes 20,000 cells, and a matrix
    of all their pairs takes gigabytes.
    """
    covered = np.zeros(len(corners), np.bool_)
    block = max(1, _LARGEST_MATRIX**2 // max(1, len(corners)))
    for at in range(0, len(corners), block):
        rows = corners[at : at + block]
        overlap = _overlaps(rows, corners[: at + block], by_smaller=by_smaller)
        covered[at : at + block] = _meets_earlier(overlap > threshold, at)
    return covered


def _meets_earlier(overlapping: NDArray[np.bool_], start: int = 0) -> NDArray[np.bool_]:
    """Which rows overlap an earlier column than their own; the first row's own is `start`."""
    if overlapping.size == 0:
        return np.zeros(0, np.bool_)
    first = overlapping.argmax(axis=1)
    return np.asarray(first < np.arange(start, start + len(first)))


def _overlaps(rows: FloatArray, columns: FloatArray, *, by_smaller: bool) -> FloatArray:
    """Intersection over union, or over the smaller area, of each of (n, 4) with each of (m, 4)."""
    left, top, right, bottom = rows.T[:, :, None]
    other_left, other_top, other_right, other_bottom = columns.T
    width = np.minimum(right, other_right) - np.maximum(left, other_left)
    height = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    areas = (right - left) * (bottom - top)
    other_areas = (other_right - other_left) * (other_bottom - other_top)
    if by_smaller:
        return np.asarray(shared / np.minimum(areas, other_areas), np.float32)
    return np.asarray(shared / (areas + other_areas - shared), np.float32)
