"""The models that a user added.

In: the folder of models. Out: `OwnModel`s. Each has a folder of its name there: the model
file, named by its digest, and `model.json`. Looking makes nothing and loads no engine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from facesearch.errors import WeightsDamaged
from facesearch.models.files import disk_errors
from facesearch.models.own.model import OwnKind, OwnModel, what_to_do
from facesearch.models.store import own_models_folder

RECORD_NAME = "model.json"


@dataclass(frozen=True, slots=True)
class BrokenModel:
    """A model whose record cannot be read.

    Attributes:
        name: of its folder.
        kind: as far as it can still be told.
        problem: what is wrong, in words.
    """

    name: str
    kind: OwnKind | None
    problem: str

    def error(self) -> WeightsDamaged:
        """What using it raises."""
        return WeightsDamaged(
            self.name,
            f"the record of {self.name}, {own_models_folder() / self.name / RECORD_NAME}, cannot "
            f"be read ({self.problem}): {what_to_do(self.name)}",
        )


def own_models() -> list[OwnModel | BrokenModel]:
    """Every model that was added, by name.

    Raises:
        ModelError: the folder is there and cannot be read.
    """
    folder = own_models_folder()
    with disk_errors("models you added", folder):
        try:
            inside = sorted(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [_read(path) for path in inside if (path / RECORD_NAME).is_file()]


def own_model(name: str) -> OwnModel | BrokenModel | None:
    """The model of that name, in whatever case it is written; None where there is none."""
    return next((own for own in own_models() if own.name.casefold() == name.casefold()), None)


def _read(folder: Path) -> OwnModel | BrokenModel:
    kind = None
    try:
        entry = json.loads((folder / RECORD_NAME).read_bytes())
        if isinstance(entry, dict) and entry.get("kind") in list(OwnKind):
            kind = OwnKind(entry["kind"])
        model = OwnModel.read(entry)
        if model.name != folder.name:
            raise ValueError(f"it is about {model.name!r}")
    except OSError as error:
        return BrokenModel(folder.name, kind, error.strerror or str(error))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        problem = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        return BrokenModel(folder.name, kind, problem)
    return model
