"""The rates that ship with facesearch: one JSON file per space, made by measurement.

In: the name of a space. Out: its rates. The files are made by ``python -m
benchmarks.impostors``; `read_table` says what is in them.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from facesearch.errors import InvalidValue, RatesMissing
from facesearch.rates.curve import Curve
from facesearch.rates.space import RatesProvenance, SpaceRates

FORMAT = 1
_FOLDER = Path(__file__).with_name("tables")


def shipped_rates(space: str, *, references: int = 1) -> SpaceRates:
    """The measured rates of a space.

    Args:
        space: as in the catalogue of models.
        references: faces fused into the probe, 1 or more. Where that number was not
            measured, the next larger one answers, or the largest there is: a probe of more
            faces lies nearer to everybody, so its rates err on the safe side.

    Raises:
        RatesMissing: nobody measured this space.
        InvalidValue: `references` below 1.
    """
    if references < 1:
        raise InvalidValue(f"a probe is made of 1 face or more, not {references}")
    return _shipped(space, references)


def table_name(space: str) -> str:
    """The file name of a space's table: the space with other characters made hyphens."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", space).strip("-") + ".json"


@lru_cache(maxsize=16)
def _shipped(space: str, references: int) -> SpaceRates:
    try:
        text = (_FOLDER / table_name(space)).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RatesMissing(space) from error
    rates = read_table(text, references=references)
    if rates.space != space:  # two spaces whose names differ in punctuation only
        raise RatesMissing(space)
    return rates


def read_table(text: str, *, references: int = 1) -> SpaceRates:
    """The rates in a table's JSON text, for probes of so many faces as `shipped_rates` has it.

    The table names its format, space and provenance. Under "tables", each with its number
    of references, "impostors" lists false match rates and the distances with them,
    "genuine" false non-match rates and theirs.

    Raises:
        InvalidValue: the text is no such table.
    """
    try:
        table = json.loads(text)
        if table["format"] != FORMAT:
            raise InvalidValue(f"it has format {table['format']}, not {FORMAT}")
        parts = {part["references"]: part for part in table["tables"]}
        if 1 not in parts:
            raise InvalidValue("it lacks the rates of single faces")
        chosen = min((n for n in parts if n >= references), default=max(parts))
        return _rates(table, parts[chosen])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidValue(
            f"this is no table of rates ({error}): make one with python -m benchmarks.impostors"
        ) from error


def _rates(table: dict[str, Any], part: dict[str, Any]) -> SpaceRates:
    about = table["provenance"]
    provenance = RatesProvenance(
        source=about["source"],
        photos=about["photos"],
        people=about["people"],
        impostor_pairs=part["impostor_pairs"],
        genuine_pairs=part["genuine_pairs"],
        made_by=about["made_by"],
    )
    impostors, genuine = part["impostors"], part["genuine"]
    return SpaceRates(
        space=table["space"],
        provenance=provenance,
        references=part["references"],
        calibrated=False,
        impostors=Curve.through(impostors["distances"], impostors["rates"]),
        genuine=Curve.through(genuine["distances"], [1.0 - rate for rate in genuine["rates"]]),
    )
