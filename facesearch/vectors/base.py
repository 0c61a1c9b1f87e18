"""What every vector index promises, and the checks all of them share.

In: face ids and unit vectors of one space. Out: ids with cosine distances,
nearest first. An index is a cache of the catalog: it may be thrown away and
rebuilt at any time, and answers wrongly at none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.errors import InvalidEmbedding, InvalidValue
from facesearch.values import FloatArray, IdArray, check_unit_rows, read_only

BoolArray: TypeAlias = NDArray[np.bool_]

_CHUNK_BYTES = 1 << 17  # float64 scratch that stays in the processor's cache


@dataclass(frozen=True, order=True, slots=True)
class Generation:
    """How much of the catalog an index has seen.

    Attributes:
        added: the catalog's counter of additions, such as the highest face id.
        removed: the catalog's counter of removals.

    Raises:
        InvalidValue: a negative counter.
    """

    added: int = 0
    removed: int = 0

    def __post_init__(self) -> None:
        if self.added < 0 or self.removed < 0:
            raise InvalidValue(f"a generation counts upward from 0, it cannot be {self}")


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The rows near one probe, nearest first; rows at equal distance by id.

    Attributes:
        ids: int64, shape (n,), read-only.
        distances: float32, shape (n,), cosine distances in 0..2, ascending, read-only.

    Raises:
        InvalidValue: the two differ in shape.
    """

    ids: IdArray
    distances: FloatArray

    def __post_init__(self) -> None:
        ids, distances = read_only(self.ids, np.int64), read_only(self.distances, np.float32)
        if ids.ndim != 1 or ids.shape != distances.shape:
            raise InvalidValue(
                f"neighbours need as many ids as distances, not {ids.shape} and {distances.shape}"
            )
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "distances", distances)

    def __len__(self) -> int:
        return len(self.ids)


class VectorIndex(Protocol):
    """Nearest neighbours by cosine distance among the vectors of one space.

    Distances are exact: 1 - dot of the stored float32 values, summed in float64,
    rounded to float32 and clipped to 0..2. Equal distances are ordered by id.
    Every method may be called from any thread.
    """

    @property
    def space(self) -> str:
        """The space all vectors belong to, such as "dlib-resnet34@55533b28"."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    @property
    def kind(self) -> str:
        """How it searches at present, for people: "exact" or "fast-scan+exact"."""

    @property
    def count(self) -> int:
        """Rows that can be found: added and not removed."""

    @property
    def generation(self) -> Generation:
        """The generation last given to `add`, `remove` or `save`, or found by `load`."""

    def add(
        self, ids: ArrayLike, vectors: ArrayLike, *, generation: Generation | None = None
    ) -> None:
        """Add rows; all of them or, on an error, none.

        Args:
            ids: integers, shape (n,), none of them in the index. An id that was
                removed may be added again.
            vectors: floats, shape (n, d), rows of length 1. Copied, as float32.
            generation: what the index has seen once these rows are in it.

        Raises:
            InvalidValue: an id twice or already there, another shape or dtype.
            InvalidEmbedding: a row that is not finite or not of length 1.
        """

    def remove(self, ids: ArrayLike, *, generation: Generation | None = None) -> int:
        """Remove rows; they are in no answer from now on. Unknown ids are passed over.

        Returns:
            How many rows were there and are gone.
        """

    def search(self, probes: ArrayLike, k: int) -> list[Neighbours]:
        """The `k` nearest rows of each probe; fewer where the index holds fewer.

        Args:
            probes: floats, shape (q, d), rows of length 1.
            k: at least 1.

        Raises:
            InvalidValue: another shape or dtype, or k below 1.
            InvalidEmbedding: a probe that is not finite or not of length 1.
            IndexDamaged: a file under the index fails its checksum; rebuild it.
        """

    def search_within(
        self, probes: ArrayLike, max_distance: float, limit: int | None = None
    ) -> list[Neighbours]:
        """The rows of each probe no farther than `max_distance`, at most `limit` of them.

        `max_distance` is rounded to float32 as distances are, so a distance
        taken from an answer includes the row it belongs to.

        Raises:
            InvalidValue: also where max_distance is negative or NaN, or limit below 1.
            InvalidEmbedding, IndexDamaged: as for `search`.
        """

    def ids(self) -> IdArray:
        """The ids of all rows, ascending, int64, shape (count,)."""

    def contains(self, ids: ArrayLike) -> BoolArray:
        """Which of the ids are in the index; bool, shape (n,)."""

    def vectors_of(self, ids: ArrayLike) -> FloatArray:
        """The stored vectors of the ids, float32, shape (n, d), in the order asked for.

        Raises:
            InvalidValue: an id that is not in the index.
            IndexDamaged: as for `search`.
        """

    def save(self, folder: Path, generation: Generation, *, compact: bool = False) -> None:
        """Write the index into its folder, durably; a crash leaves the state before or after.

        Args:
            folder: holds one index and nothing else; made if missing.
            generation: what the index has seen.
            compact: leave no byte of a removed row in the folder, whatever that costs.

        Raises:
            OSError: as the system raised it (disk full, no permission); the
                folder still holds what it held before.
        """

    @classmethod
    def load(cls, folder: Path, space: str, dimension: int) -> Self:
        """The index in a folder.

        Raises:
            IndexDamaged: no index there, one of another space, dimension or
                format, or one that fails its checksums. Rebuild it.
            OSError: the folder cannot be read, as the system raised it.
        """


def checked_space(space: str, dimension: int) -> None:
    """Check what an index is made for.

    Raises:
        InvalidValue: an empty space name or a dimension below 1.
    """
    if not space:
        raise InvalidValue("an index belongs to a space; its name cannot be empty")
    if dimension < 1:
        raise InvalidValue(f"vectors have at least 1 number, not {dimension}")


def checked_ids(ids: ArrayLike) -> IdArray:
    """The ids as a fresh int64 array of shape (n,).

    Raises:
        InvalidValue: not integers of 64 bits, or not flat.
    """
    array = np.asarray(ids)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InvalidValue(f"ids are whole numbers in one row, not {array.dtype} {array.shape}")
    if array.size and array.dtype.kind == "u" and int(array.max()) > np.iinfo(np.int64).max:
        raise InvalidValue(f"ids fit into 64 bits with a sign; {int(array.max())} does not")
    return array.astype(np.int64)


def checked_new_ids(ids: ArrayLike) -> IdArray:
    """The same for ids to add.

    Raises:
        InvalidValue: also where an id occurs twice.
    """
    array = checked_ids(ids)
    values, counts = np.unique(array, return_counts=True)
    if len(values) < len(array):
        raise InvalidValue(f"id {int(values[np.argmax(counts)])} was given twice in one call")
    return array


def checked_vectors(vectors: ArrayLike, dimension: int, what: str) -> FloatArray:
    """The vectors as a C-contiguous float32 array of shape (n, dimension), unit rows.

    Raises:
        InvalidValue: another shape, or not floating point.
        InvalidEmbedding: a row that is not finite or not of length 1.
    """
    array = np.asarray(vectors)
    if array.size and array.dtype.kind != "f":
        raise InvalidValue(f"{what} are floating-point numbers, not {array.dtype}")
    if array.ndim == 1 and array.size == 0:
        array = array.reshape(0, dimension)
    if array.ndim != 2 or array.shape[1] != dimension:
        raise InvalidValue(
            f"{what} have shape (n, {dimension}) in this index, not {array.shape}: "
            "an index holds vectors of one space only"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.ascontiguousarray(array, dtype=np.float32)
        try:
            check_unit_rows(rows)
        except InvalidEmbedding as error:
            raise InvalidEmbedding(f"{what}: {error}") from error
    return rows


def checked_count(value: int, what: str) -> int:
    """A whole number of at least 1.

    Raises:
        InvalidValue: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InvalidValue(f"{what} is a whole number of at least 1, not {value!r}")
    return int(value)


def checked_max_distance(value: float) -> float:
    """A distance as float32 holds it.

    Raises:
        InvalidValue: negative or NaN.
    """
    if math.isnan(value) or value < 0:
        raise InvalidValue(f"a maximum distance is a number from 0 to 2, not {value!r}")
    return float(np.float32(min(value, 2.0)))


def cosine_distances(rows: FloatArray, probe: FloatArray) -> FloatArray:
    """Exact cosine distances of rows (n, d) to one probe (d,): float32, shape (n,).

    Summed in float64 row by row, so that a row's distance does not depend on
    the rows beside it, as it does in BLAS: equal vectors are equally far.
    """
    count, dimension = rows.shape
    chunk = max(1, _CHUNK_BYTES // (8 * dimension))
    scratch = np.empty((min(chunk, count), dimension), np.float64)
    probe64 = probe.astype(np.float64)
    dots = np.empty(count, np.float64)
    for start in range(0, count, chunk):
        part = scratch[: min(chunk, count - start)]
        np.copyto(part, rows[start : start + chunk])
        # not with dtype=float64 on the float32 rows: its buffering may split a row's sum
        dots[start : start + chunk] = np.einsum("nd,d->n", part, probe64)
    return np.clip(1.0 - dots, 0.0, 2.0).astype(np.float32)


def nearest_first(
    ids: IdArray, distances: FloatArray, max_distance: float, limit: int | None
) -> Neighbours:
    """Order candidates, drop those beyond `max_distance`, keep `limit`."""
    near = distances <= np.float32(max_distance)
    ids, distances = ids[near], distances[near]
    order = np.lexsort((ids, distances))[:limit]
    return Neighbours(ids[order], distances[order])


def check_lengths(ids: Sequence[int] | IdArray, vectors: FloatArray) -> None:
    """Check that there is one id per vector.

    Raises:
        InvalidValue: there is not.
    """
    if len(ids) != len(vectors):
        raise InvalidValue(f"{len(ids)} ids were given for {len(vectors)} vectors")


def check_absent(ids: IdArray, there: BoolArray) -> None:
    """Check that none of the ids to add is in the index already.

    Raises:
        InvalidValue: one is.
    """
    if there.any():
        raise InvalidValue(
            f"id {int(ids[np.argmax(there)])} is in the vector index already: remove it first"
        )
