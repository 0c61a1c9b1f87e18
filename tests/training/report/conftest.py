"""Runs to report on, trained once: one that names people with awkward names, one of pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_training import make_people, small

from facesearch.models.base import Device
from facesearch.models.templates import TemplateFamily
from facesearch.training.dataset import DatasetOptions, FolderSource, make_dataset
from facesearch.training.report.making import Reported, report
from facesearch.training.run import train

AWKWARD = (r"A&B_50% #1\n", "José {x}$y^2~<b>", "[李小龙] --ok", "Łukasz 'N' é")
"""A name for each of four people; the last one's é is two characters."""


@pytest.fixture(scope="session")
def three_parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people of twelve chips: half to train on, a quarter each to validate and test."""
    place = tmp_path_factory.mktemp("three-parts")
    people = make_people(place / "photos", photos=12)
    for number, name in enumerate(AWKWARD):
        (people / f"P{number}").rename(people / name)
    options = DatasetOptions(
        chip_px=32,
        template=TemplateFamily.ARCFACE,
        already_aligned=True,
        fractions=(0.5, 0.25, 0.25),
    )
    make_dataset(FolderSource(people), place / "chips & more", options)
    return place / "chips & more"


@pytest.fixture(scope="session")
def naming_run(three_parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that names people, and errs. Not to be changed."""
    out = tmp_path_factory.mktemp("naming") / "run"
    config = small("convnet", "batch_size=8", "epochs=2", "learning_rate=0.002")
    train(config, three_parts, out, device=Device.CPU)
    return out


@pytest.fixture(scope="session")
def pairs_run(by_person: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that tells people apart, judged by its validation chips. Not to be changed."""
    out = tmp_path_factory.mktemp("pairs") / "run"
    train(small("siamese-densenet", "epochs=2"), by_person, out, device=Device.CPU)
    return out


@pytest.fixture(scope="session")
def naming_report(naming_run: Path) -> Reported:
    """The report of `naming_run`."""
    return report(naming_run, device=Device.CPU)


@pytest.fixture(scope="session")
def pairs_report(pairs_run: Path) -> Reported:
    """The report of `pairs_run`."""
    return report(pairs_run, device=Device.CPU)
