"""What a run is told to do, to and from TOML; every value with where it comes from.

In: a recipe, a file of settings, settings from the command line. Out: a `RunConfig`, checked,
and as a file that makes the same run again. Loads no TensorFlow.

Settings have one name each, whatever part of a run they are about, so that the same name works
in a file and in `--set name=value`. Those about augmentation stand in a table of that name.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import sys
import tomllib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from facesearch.errors import InvalidValue
from facesearch.photos.files import printable, words_for
from facesearch.training.dataset.augmentation import Augmentation
from facesearch.training.recipes import recipe as recipe_named
from facesearch.training.recipes.base import Recipe, sourced
from facesearch.training.toml import comment, value_of, written

_OURS = "our choice"
_RECIPE, _TABLE = "recipe", "augmentation"
_DEFAULT = "default"


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How any recipe is trained.

    Attributes:
        seed: of weights, order, pairs, dropout and augmentation.
        mixed_precision: compute in float16, keep weights in float32: for recent GPUs.
        deterministic: the same run gives the same weights, bit for bit; slower on GPUs.
        augment: chips are seen changed at random, as the table `augmentation` says.
        checkpoint_every_steps: also within an epoch; 0 for at its end only.

    Raises:
        InvalidValue: a number out of range.
    """

    seed: int = sourced(0, _OURS)
    mixed_precision: bool = sourced(False, f"{_OURS}: slower on CPUs")
    deterministic: bool = sourced(True, f"{_OURS}: a run can be made again")
    augment: bool = sourced(False, f"{_OURS}: the recipes' sources say nothing of it")
    checkpoint_every_steps: int = sourced(0, f"{_OURS}: at the end of each epoch only")

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**31:
            raise InvalidValue(f"seed is 0 to {2**31 - 1}, not {self.seed}")
        if self.checkpoint_every_steps < 0:
            raise InvalidValue(
                f"checkpoint_every_steps is 0 or more, not {self.checkpoint_every_steps}"
            )


@dataclass(frozen=True, slots=True)
class Given:
    """Settings, and where they come from, such as "my.toml" or "--set"."""

    values: Mapping[str, Any]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """All that decides what a run does, besides its dataset.

    Attributes:
        recipe: what is trained.
        network: its own configuration.
        training: what all recipes share.
        augmentation: how chips are changed; of no effect unless `training.augment`.
        sources: where each value comes from, by its name.
    """

    recipe: Recipe
    network: Any
    training: TrainingConfig
    augmentation: Augmentation
    sources: Mapping[str, str]

    @classmethod
    def of(cls, recipe: Recipe, given: Sequence[Given] = ()) -> Self:
        """The configuration of a recipe.

        Args:
            given: settings by name; later ones replace earlier ones.

        Raises:
            InvalidValue: there is no such setting, it is of another type, or out of range.
        """
        kinds = _kinds(recipe)
        values: dict[str, Any] = {}
        sources = {
            name: f"{_DEFAULT}: {field.metadata['source']}" if field.metadata else _DEFAULT
            for name, (field, _) in kinds.items()
        }
        for some in given:
            for name, value in some.values.items():
                if name not in kinds:
                    raise _unknown(name, some.source, recipe)
                values[name] = _checked(f"{some.source}: {name}", kinds[name][1], value)
                sources[name] = some.source
        config = cls(
            recipe=recipe,
            network=_made(recipe.config, values),
            training=_made(TrainingConfig, values),
            augmentation=_made(Augmentation, values, prefix=f"{_TABLE}."),
            sources=sources,
        )
        changed = next((name for name in values if name.startswith(f"{_TABLE}.")), None)
        if changed is not None and not config.training.augment:
            raise InvalidValue(
                f"{sources[changed]}: {changed} has no effect without augment = true"
            )
        return config

    @property
    def batch(self) -> int:
        """Examples in a step."""
        return int(self.network.batch_size)

    @property
    def augment(self) -> Augmentation | None:
        """How chips are changed; None for not at all."""
        return self.augmentation if self.training.augment else None

    def document(self) -> dict[str, Any]:
        """All values by name, the recipe's first, in plain types."""
        parts = [("", self.network), ("", self.training)]
        if self.training.augment:
            parts.append((f"{_TABLE}.", self.augmentation))
        values: dict[str, Any] = {_RECIPE: self.recipe.name}
        for prefix, part in parts:
            for field in dataclasses.fields(part):
                value = getattr(part, field.name)
                values[prefix + field.name] = list(value) if isinstance(value, tuple) else value
        return values

    def toml(self) -> str:
        """As a file, each value with its source behind it."""
        lines = [f"{_RECIPE} = {written(self.recipe.name)}"]
        table = ""
        for name, value in self.document().items():
            if name == _RECIPE:
                continue
            prefix, _, own = name.rpartition(".")
            if prefix != table:
                table = prefix
                lines += ["", f"[{table}]"]
            lines.append(f"{own} = {written(value)}  {comment(self.sources[name])}")
        return "\n".join(lines) + "\n"


def setting_names(recipe: Recipe) -> tuple[str, ...]:
    """The names of all settings that a recipe has."""
    return tuple(_kinds(recipe))


def read_config(path: Path) -> RunConfig:
    """The configuration in a file that `RunConfig.toml` wrote.

    Raises:
        InvalidValue: it cannot be read, or is no such file.
        UnknownModel: of a recipe that does not exist here.
    """
    values = _document(path)
    if not isinstance(values.get(_RECIPE), str):
        raise InvalidValue(f"{printable(str(path))} does not name its recipe: it is no run's file")
    return RunConfig.of(recipe_named(values.pop(_RECIPE)), [Given(values, path.name)])


def read_settings(path: Path, recipe: Recipe) -> Given:
    """The settings in a user's file.

    Raises:
        InvalidValue: it cannot be read, is no TOML, or is about another recipe.
    """
    values = _document(path)
    named = values.pop(_RECIPE, recipe.name)
    if named != recipe.name:
        raise InvalidValue(f"{printable(str(path))} is for the recipe {named}, not {recipe.name}")
    return Given(values, printable(path.name))


def parse_settings(settings: Sequence[str], source: str = "--set") -> Given:
    """Settings written as name=value.

    Raises:
        InvalidValue: one has no equals sign.
    """
    values = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip():
            raise InvalidValue(f"{source} {printable(setting)}: write it as name=value")
        values[name.strip()] = value_of(value.strip())
    return Given(values, source)


def _document(path: Path) -> dict[str, Any]:
    shown = printable(str(path))
    try:
        values = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise InvalidValue(f"cannot read {shown}: {words_for(error)}") from error
    except ValueError as error:  # of TOML, or of UTF-8
        raise InvalidValue(f"{shown} is no TOML: {error}") from error
    inner = values.pop(_TABLE, {})
    if not isinstance(inner, dict):
        raise InvalidValue(f"{shown}: [{_TABLE}] is a table; augment = true switches it on")
    return values | {f"{_TABLE}.{name}": value for name, value in inner.items()}


def _kinds(recipe: Recipe) -> dict[str, tuple[dataclasses.Field[Any], Any]]:
    """The fields of all parts, and their types, by the names of settings."""
    found = {}
    for prefix, part in (("", recipe.config), ("", TrainingConfig), (f"{_TABLE}.", Augmentation)):
        hints = typing.get_type_hints(part)
        for field in dataclasses.fields(part):
            found[prefix + field.name] = (field, hints[field.name])
    return found


def _made(part: Any, values: Mapping[str, Any], *, prefix: str = "") -> Any:
    names = [field.name for field in dataclasses.fields(part) if prefix + field.name in values]
    return part(**{name: values[prefix + name] for name in names})


def _unknown(name: str, source: str, recipe: Recipe) -> InvalidValue:
    names = setting_names(recipe)
    alike = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    meant = f": did you mean {' or '.join(alike)}?" if alike else "."
    return InvalidValue(
        f"{source}: {recipe.name} has no setting {printable(name)!r}{meant} There are "
        f"{', '.join(names)}"
    )


_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _checked(where: str, kind: Any, value: Any) -> Any:
    """A value as the type of its field."""
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        values = value if isinstance(value, list | tuple) else (value,)
        return tuple(_checked(where, inner, each) for each in values)
    if kind is float and type(value) is int:
        value = float(value) if abs(value) < sys.float_info.max else math.inf
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise InvalidValue(f"{where} is {_WORDS[kind]}, not {value!r}")
    return value
