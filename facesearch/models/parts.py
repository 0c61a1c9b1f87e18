"""Half a download: the bytes so far, and what the server said about the rest.

In: the path of the part. Out: how far it is, whether it can be gone on with, and from where.
Both files are a cache: what cannot be read or trusted is downloaded again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sent:
    """What a server said when it began to send a file.

    Attributes:
        url: asked for, before any redirect.
        validator: a strong ETag, or when the file was last modified, as the server wrote it:
            while it says the same, the file is the same. None where it said neither.
        total_bytes: of the whole file; None where it did not say.
    """

    url: str
    validator: str | None
    total_bytes: int | None


class Part:
    """The part of a file that has arrived. Methods raise OSError where the disk fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._notes = path.with_name(f"{path.name}.json")

    def size_bytes(self) -> int:
        """How much is there."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def sent(self) -> Sent | None:
        """What the server said; None where that is not known (any more)."""
        try:
            document = json.loads(self._notes.read_bytes())
            found = Sent(**document)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):  # cut off when the machine went down
            return None
        is_sound = (
            isinstance(found.url, str)
            and isinstance(found.validator, str | None)
            and isinstance(found.total_bytes, int | None)
        )
        return found if is_sound else None

    def is_complete(self) -> bool:
        """Whether all bytes that the server announced are there."""
        sent = self.sent()
        return sent is not None and sent.total_bytes == self.size_bytes() > 0

    def begin(self, sent: Sent) -> None:
        """Start over, empty."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")  # first, so that no old bytes are taken for what `sent` is of
        self._notes.write_text(json.dumps(asdict(sent)), encoding="utf-8")

    def discard(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)
