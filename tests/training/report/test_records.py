"""Records as JSON and back: the same, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from facesearch.training.recipes.base import LayerFacts
from facesearch.training.report.naming import Naming
from facesearch.training.report.records import of_plain, to_plain

LAYER = LayerFacts("conv", "Conv2D", (None, 4, 8), 12)


def test_a_record_comes_back():
    naming = Naming(
        people=("Ada",),
        positions=(0,),
        truth=(0,),
        named=(0,),
        confidence=(1.0,),
        rank=(1,),
        strangers=0,
    )
    for record in (LAYER, naming):
        again = of_plain(type(record), json.loads(json.dumps(to_plain(record))))
        assert again == record
    # JSON of other programs writes 1.0 as 1.
    assert of_plain(Naming, {**json.loads(json.dumps(to_plain(naming))), "confidence": [1]})


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": "12"},
        {"parameters": 1.5},
        {"parameters": True},
        {"shape": "4"},
        {"shape": [1.0]},
        {"more": 1},
    ],
)
def test_what_was_changed_is_refused(change: dict[str, Any]):
    with pytest.raises((TypeError, ValueError)):
        of_plain(LayerFacts, {**json.loads(json.dumps(to_plain(LAYER))), **change})
