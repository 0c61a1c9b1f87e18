"""Runs a test once for each kind of index."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# pytest's importlib mode leaves the tests' own folders out of the search path
sys.path.insert(0, str(Path(__file__).parent))

from galleries import KINDS, Kind


@pytest.fixture(params=KINDS, ids=[kind.name for kind in KINDS])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of index in turn."""
    one: Kind = request.param
    return one
