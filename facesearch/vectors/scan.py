"""Search a snapshot of parts: exact parts as a whole, coded ones by candidates ranked again.

In: parts, checked probes, and how many rows or how far. Out: neighbours with
exact distances. Float32 scores only decide which rows are worth an exact
distance, with a margin for their rounding, so exact parts give exactly what
the reference gives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facesearch.values import FloatArray, IdArray
from facesearch.vectors.base import Neighbours, cosine_distances, nearest_first
from facesearch.vectors.codes import Codes
from facesearch.vectors.segments import Part

FIRST_CANDIDATES = 1_024  # or one row in 256, which costs little more and spares a second scan
CANDIDATE_GROWTH = 8
DEVIATIONS = 5.0  # of the codes' noise; see docs/decisions/vectors-engine.md

_PROBES_AT_ONCE = 64
_SCORES_AT_ONCE = 1 << 22  # 16 MiB of float32 scores
_SMALL_PRODUCT = 1 << 22  # multiplications; fewer are faster without BLAS's threads
_GROUP = 64  # scores of which only the best is looked at to bound the k-th best


def search_parts(
    parts: Sequence[Part], probes: FloatArray, max_distance: float, limit: int | None
) -> list[Neighbours]:
    """The rows of each probe within `max_distance` (as float32), nearest first, at most `limit`.

    Args:
        parts: of one dimension.
        probes: float32, shape (q, d), unit rows.
        max_distance: 2 for all.
        limit: None for all.

    Raises:
        IndexDamaged: a mapped block fails its checksum, or codes cannot be read.
    """
    answers: list[Neighbours] = []
    for start in range(0, len(probes), _PROBES_AT_ONCE):
        some = probes[start : start + _PROBES_AT_ONCE]
        pools = [Pool(probe, max_distance, limit) for probe in some]
        # exact parts first: what they hold spares coded parts candidates
        for number, part in enumerate(parts):
            if part.segment.codes is None:
                _scan_exactly(number, part, some, pools)
        for number, part in enumerate(parts):
            if part.segment.codes is not None:
                _scan_codes(number, part, part.segment.codes, pools)
        answers += [pool.neighbours(parts) for pool in pools]
    return answers


class Pool:
    """What one probe has found so far: rows with float32 scores, pruned as better ones come."""

    def __init__(self, probe: FloatArray, max_distance: float, limit: int | None) -> None:
        self.probe = probe
        self.limit = limit
        self._max_distance = max_distance
        self._floor = 1.0 - max_distance if max_distance < 2.0 else -np.inf
        # float32 products of d terms, for both of two rows that are compared, and the
        # last bit of a distance
        self._slack = 2.002 * (len(probe) + 8) * 2.0**-24 + 4e-7
        self._parts = np.empty(0, np.int64)
        self._positions = np.empty(0, np.int64)
        self._scores = np.empty(0, np.float32)

    @property
    def cut(self) -> float:
        """Rows that score less cannot be in the answer."""
        return self._lowered(self._kth(self._scores))

    def bound_with(self, scores: FloatArray) -> float:
        """The score an answer would need at least, were rows of these scores here as well."""
        return max(self._floor, self._kth(np.concatenate([self._scores, scores])))

    def offer(self, number: int, part: Part, positions: IdArray, scores: FloatArray) -> None:
        """Take in those rows of a part that are alive and may be in the answer."""
        worth = scores >= self.cut
        if part.dead is not None:
            worth &= ~part.dead[positions]
        positions, scores = positions[worth], scores[worth]
        if not len(positions):
            return
        self._parts = np.concatenate([self._parts, np.full(len(positions), number)])
        self._positions = np.concatenate([self._positions, positions])
        self._scores = np.concatenate([self._scores, scores])
        keep = self._scores >= self.cut
        if not keep.all():
            self._parts = self._parts[keep]
            self._positions = self._positions[keep]
            self._scores = self._scores[keep]

    def offer_all(self, number: int, part: Part, start: int, scores: FloatArray) -> None:
        """Take in rows start, start + 1, ... of a part by their scores, which are used up."""
        if part.dead is not None:
            scores[part.dead[start : start + len(scores)]] = -np.inf
        cut = max(self.cut, self._lowered(_bound_of_kth(scores, self.limit)))
        positions = np.flatnonzero(scores >= cut)
        self.offer(number, part, positions + start, scores[positions])

    def neighbours(self, parts: Sequence[Part]) -> Neighbours:
        """The answer, by exact distance."""
        ids, distances = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for number in np.unique(self._parts).tolist():
            positions = self._positions[self._parts == number]
            segment = parts[number].segment
            ids.append(segment.ids[positions])
            distances.append(cosine_distances(segment.rows.take(positions), self.probe))
        return nearest_first(
            np.concatenate(ids), np.concatenate(distances), self._max_distance, self.limit
        )

    def _kth(self, scores: FloatArray) -> float:
        if self.limit is None or len(scores) < self.limit:
            return -np.inf
        place = len(scores) - self.limit
        return float(np.partition(scores, place)[place])

    def _lowered(self, kth: float) -> float:
        # distances are clipped: all scores above 1 are equally near, all below -1 equally far
        cut = min(max(self._floor, kth), 1.0) - self._slack
        return cut if cut > -1.0 else -np.inf


def _bound_of_kth(scores: FloatArray, k: int | None) -> float:
    """A score that at least k of the scores reach; not much below the k-th best.

    The best of each group of 64 stand for the group: partitioning those costs
    a tenth of partitioning all.
    """
    if k is None or k > len(scores):
        return -np.inf
    groups = len(scores) // _GROUP
    if groups >= 4 * k:
        scores = scores[: groups * _GROUP].reshape(groups, _GROUP).max(axis=1)
    place = len(scores) - k
    return float(np.partition(scores, place)[place])


def _scan_exactly(number: int, part: Part, probes: FloatArray, pools: Sequence[Pool]) -> None:
    rows = part.segment.rows
    step = max(1, _SCORES_AT_ONCE // len(pools))
    for start in range(0, len(rows), step):
        scores = _scores(rows.between(start, start + step), probes)
        for pool, own in zip(pools, scores, strict=True):
            pool.offer_all(number, part, start, own)


def _scores(rows: FloatArray, probes: FloatArray) -> FloatArray:
    """Dot products, float32, shape (q, n)."""
    if rows.size * len(probes) <= _SMALL_PRODUCT:
        # one thread; BLAS would start all and, on a busy machine, wait 8 ms for the last
        return np.stack([np.einsum("nd,d->n", rows, probe) for probe in probes])
    if len(probes) == 1:
        products: FloatArray = rows @ probes[0]
        return products[np.newaxis]
    scores: FloatArray = probes @ rows.T
    return scores


def _scan_codes(number: int, part: Part, codes: Codes, pools: Sequence[Pool]) -> None:
    """Ask the codes for candidates, for more where the answer is not certain, at last for all."""
    waiting = list(pools)
    count = max(FIRST_CANDIDATES, len(part.segment) // 256)
    count = max([count] + [4 * pool.limit for pool in pools if pool.limit is not None])
    while waiting:
        probes = np.stack([pool.probe for pool in waiting])
        if count * CANDIDATE_GROWTH > len(part.segment):
            _scan_exactly(number, part, probes, waiting)
            return
        candidates = zip(*codes.search(probes, count), strict=True)
        waiting = [
            pool
            for pool, (positions, scores) in zip(waiting, candidates, strict=True)
            if not _ranked_again(number, part, codes, pool, positions, scores)
        ]
        count *= CANDIDATE_GROWTH


def _ranked_again(
    number: int, part: Part, codes: Codes, pool: Pool, positions: IdArray, scores: FloatArray
) -> bool:
    """Offer candidates (best first) to a pool by exact score; False if others may be better."""
    scores, positions = scores[positions >= 0], positions[positions >= 0]
    few = 0 if pool.limit is None else 4 * pool.limit
    # the best few say what an answer needs, so that not every vector has to be fetched
    least = codes.least_score(
        pool.bound_with(_exact_scores(part, positions[:few], pool)), DEVIATIONS
    )
    worth = scores >= least
    worth[:few] = True
    chosen = np.sort(part.live(positions[worth]))
    exact = _exact_scores(part, chosen, pool)
    least = codes.least_score(pool.bound_with(exact), DEVIATIONS)
    if scores.min(initial=np.inf) >= least:  # rows that are no candidates score up to that
        return False
    pool.offer(number, part, chosen, exact)
    return True


def _exact_scores(part: Part, positions: IdArray, pool: Pool) -> FloatArray:
    """Float32 scores of the rows at these positions that were not removed."""
    rows = part.segment.rows.take(part.live(positions))
    scores: FloatArray = np.einsum("nd,d->n", rows, pool.probe)
    return scores
