"""Accuracy of a setting on LFW, by facesearch's evaluation package."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))  # benchmarks lies beside the package

from benchmarks.accuracy import look_at, measure
from benchmarks.data import Data
from facesearch.models.catalogue import Accuracy


def measure_setting(data: str, accuracy: str, cache: str) -> dict:
    """The figures that `benchmarks.accuracy.measure` gives."""
    return measure(look_at(Data(Path(data)), Accuracy(accuracy), Path(cache)))
