"""Frozen dataclasses as plain JSON, and back.

In: a record of texts, numbers, tuples and records. Out: the same as what `json` writes, and the
record again from what `json` read. Loads no TensorFlow.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, TypeVar

_Record = TypeVar("_Record")


def to_plain(record: Any) -> Any:
    """A record as dictionaries, lists, texts and numbers."""
    return dataclasses.asdict(record)


def of_plain(kind: type[_Record], document: Any) -> _Record:
    """The record that `to_plain` gave.

    Raises:
        ValueError, TypeError, KeyError: it is of another kind, or was changed.
    """
    hints = typing.get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    if not isinstance(document, dict) or set(document) != set(fields):
        raise ValueError(f"no {kind.__name__}")
    return kind(**{name: _value(hints[name], document[name]) for name in fields})


def _value(hint: Any, found: Any) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        own = next(each for each in inner if each is not type(None))
        return None if found is None else _value(own, found)
    if origin is tuple:
        if not isinstance(found, list):
            raise TypeError(f"expected a list, found {type(found).__name__}")
        return tuple(_value(inner[0], each) for each in found)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return of_plain(hint, found)
    if hint is float and type(found) is int:
        return float(found)
    if type(found) is not hint:
        raise TypeError(f"expected {hint.__name__}, found {type(found).__name__}")
    return found
