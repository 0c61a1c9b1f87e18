"""Rates that were measured: one JSON file per space.

In: the name of a space. Out: its rates. Those of the default models ship with facesearch,
made by ``python -m benchmarks.impostors``; those of other models are measured by
``facesearch models calibrate`` and lie in the folder of models. `read_table` says what is
in a file.
"""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from facesearch.errors import InvalidValue, ModelError, RatesMissing
from facesearch.folders import models_folder
from facesearch.rates.curve import Curve
from facesearch.rates.space import RatesProvenance, SpaceRates

FORMAT = 1
_FOLDER = Path(__file__).with_name("tables")


def measured_rates(space: str, *, references: int = 1) -> SpaceRates:
    """The measured rates of a space: those that ship, else those measured on this machine.

    Args:
        space: as in the catalogue of models.
        references: faces fused into the probe, 1 or more. Where that number was not
            measured, the next larger one answers, or the largest there is: a probe of more
            faces lies nearer to everybody, so its rates err on the safe side.

    Raises:
        RatesMissing: nobody measured this space.
        ModelError: the table that was measured here is damaged.
        InvalidValue: `references` below 1.
    """
    if references < 1:
        raise InvalidValue(f"a probe is made of 1 face or more, not {references}")
    for path in (_FOLDER / table_name(space), user_table(space)):
        try:
            status = os.stat(path)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue  # PermissionError: a folder of models that is not this user's to look into
        rates = _read(path, space, (status.st_mtime_ns, status.st_size, status.st_ino), references)
        if rates.space == space:  # else two spaces whose names differ in punctuation only
            return rates
    raise RatesMissing(space)


def has_shipped_rates(space: str) -> bool:
    """Whether facesearch brings the rates of a space."""
    path = _FOLDER / table_name(space)
    return path.exists() and read_table(path.read_text(encoding="utf-8")).space == space


def user_table(space: str) -> Path:
    """Where the rates of a space lie that were measured on this machine, if any were."""
    return models_folder() / "rates" / table_name(space)


def table_name(space: str) -> str:
    """The file name of a space's table: the space with other characters made hyphens."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", space).strip("-") + ".json"


@lru_cache(maxsize=16)
def _read(path: Path, space: str, stamp: tuple[int, int, int], references: int) -> SpaceRates:
    """The rates in a file, a space's own; `stamp` tells one content from the next."""
    try:
        return read_table(path.read_text(encoding="utf-8"), references=references)
    except (OSError, ValueError) as error:
        raise ModelError(
            space,
            f"the rates of space {space!r} that were measured here, {path}, cannot be read: "
            f"{error}. Measure them again with facesearch models calibrate, or delete the file",
        ) from error


def read_table(text: str, *, references: int = 1) -> SpaceRates:
    """The rates in a table's JSON text, for probes of so many faces as `measured_rates` has it.

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
        raise InvalidValue(f"this is no table of rates ({error})") from error


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
