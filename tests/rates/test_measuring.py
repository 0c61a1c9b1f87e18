"""Tables made from samples say what counting says, and samples that say nothing are refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from facesearch.errors import TooFewFaces
from facesearch.rates import SpaceRates
from facesearch.rates.measuring import Counts, Sample, table_of
from facesearch.rates.tables import read_table


def sample_of(people: int, photos: int, *, seed: int = 0, spread: float = 0.35) -> Sample:
    """Unit vectors in 32 dimensions, near a direction of each person's own."""
    random = np.random.default_rng(seed)
    middles = np.repeat(random.normal(size=(people, 32)), photos, axis=0)
    vectors = middles + spread * random.normal(size=middles.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [f"p{at:04}" for at in range(people) for _ in range(photos)]
    return Sample.of(vectors.astype(np.float32), names)


def rates_of(sample: Sample, references: int = 1) -> SpaceRates:
    table: dict[str, Any] = table_of(sample, "made@1", source="made up", made_by="a test")
    return read_table(json.dumps(table), references=references)


def test_rates_are_those_of_counting():
    sample = sample_of(150, 8)
    rates = rates_of(sample)
    cosines = sample.vectors.astype(np.float64) @ sample.vectors.T
    above = np.triu(np.ones(cosines.shape, bool), 1)
    same = sample.people[:, None] == sample.people[None, :]
    impostors, genuine = 1 - cosines[above & ~same], 1 - cosines[above & same]
    assert rates.provenance.impostor_pairs == len(impostors)
    assert rates.provenance.genuine_pairs == len(genuine)
    assert (rates.provenance.photos, rates.provenance.people) == (1200, 150)
    for fmr in (1e-2, 1e-3):
        distance = rates.distance_at(fmr)
        assert (impostors <= distance).mean() == pytest.approx(fmr, rel=0.05)
    middle = float(np.median(genuine))
    assert rates.fnmr(middle) == pytest.approx(0.5, abs=0.02)


def test_rates_of_a_few_people_are_coarse_and_of_the_right_size():
    """Seven people's hundred photos: within a factor of ten of what strangers do."""
    strangers = rates_of(sample_of(300, 5, seed=1))
    for seed in range(2, 6):
        distance = rates_of(sample_of(7, 14, seed=seed)).distance_at(1e-2)
        assert 1e-3 < strangers.fmr(distance) < 1e-1


@pytest.mark.parametrize(
    ("photos", "references"),
    [(5, [1, 2, 3]), (10, [1, 2, 3, 5, 8])],
)
def test_fused_probes_are_measured_as_far_as_people_have_photos(photos: int, references: list[int]):
    table = table_of(sample_of(40, photos), "made@1", source="made up", made_by="a test")
    assert [part["references"] for part in table["tables"]] == references


def test_at_most_ten_photos_of_a_person_count():
    crowd = sample_of(9, 30)
    assert len(crowd.vectors) == 90
    assert Counts.of(crowd).genuine.sum() == 9 * 45


def test_photos_without_a_face_take_no_part():
    vectors = sample_of(8, 9).vectors.copy()
    vectors[::3] = np.nan
    names = [f"p{at // 9}" for at in range(72)]
    assert np.isfinite(Sample.of(vectors, names).vectors).all()
    assert len(Sample.of(vectors, names).vectors) == 48


@pytest.mark.parametrize(
    ("people", "photos", "found", "needed", "words"),
    [
        (6, 10, 6, 7, "6 people"),
        (7, 5, 525, 1000, "525 pairs of two people"),
        (60, 2, 60, 100, "60 pairs of one person"),
        (200, 1, 0, 100, "0 pairs of one person"),
    ],
)
def test_too_few_are_refused_with_numbers(
    people: int, photos: int, found: int, needed: int, words: str
):
    with pytest.raises(TooFewFaces, match=words) as error:
        table_of(sample_of(people, photos), "made@1", source="made up", made_by="a test")
    assert (error.value.found, error.value.needed) == (found, needed)


def test_photos_of_different_folds_are_not_compared():
    one = sample_of(20, 4)
    apart = Sample(one.vectors, one.people, (one.people >= 10).astype(np.int64))
    whole, halves = Counts.of(one), Counts.of(apart)
    assert halves.genuine.sum() == whole.genuine.sum()
    assert halves.impostors.sum() == 2 * 4 * 4 * 45
