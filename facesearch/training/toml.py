"""Plain values as TOML, which Python reads (`tomllib`) and does not write.

In: whole numbers, numbers, truths, texts and lists of them. Out: lines that read back the same.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from typing import Any, TypeAlias

from facesearch.errors import InvalidValue

Plain: TypeAlias = bool | int | float | str | Sequence["Plain"]


def written(value: Plain) -> str:
    """A value as TOML.

    Raises:
        InvalidValue: it is none of the kinds above.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for the delete character, which JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Sequence):
        return f"[{', '.join(map(written, value))}]"
    raise InvalidValue(f"{value!r} cannot be written as TOML")


def comment(text: str) -> str:
    """Text as a comment: on one line, whatever is in it."""
    return "# " + "".join(character if character.isprintable() else "?" for character in text)


def value_of(text: str) -> Any:
    """What a user wrote as a value: TOML where it is that, else the text itself.

    So `0.5`, `true`, `[32, 64]` and `"a b"` are what they look like, `32,64` is a list too, and
    `my-file.h5` needs no quotes.
    """
    for attempt in (text, f"[{text}]" if "," in text else text):
        try:
            read: dict[str, Any] = tomllib.loads(f"value = {attempt}")
        except tomllib.TOMLDecodeError:
            continue
        if set(read) == {"value"}:
            return read["value"]
    return text
