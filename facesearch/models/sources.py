"""Where a weight file can be had, tried in order.

In: a `DownloadedFile` and the SHA-256 it must have. Out: the file in the folder of weights. First
what is there already, then the user's own file if one was given, deepface's folder in the
user's home, and each address. A file may come packed; what it unpacks to must be right then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from facesearch.errors import DownloadFailed, WeightsDamaged, WeightsMissing
from facesearch.models.archives import NotUnpacked, archive_form, unpack_file
from facesearch.models.files import copy_hashed, disk_errors, file_digest, inside, place
from facesearch.models.parts import Part
from facesearch.models.transfers import SourceFailed, Transfer
from facesearch.models.weights import DownloadedFile


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is.

    Attributes:
        name: of the weight file.
        done_bytes: that are there, as the source packs them.
        total_bytes: that there will be; None where the server does not say.
        resumed_bytes: of `done_bytes`, what an earlier run had left.
    """

    name: str
    done_bytes: int
    total_bytes: int | None
    resumed_bytes: int


class Origin(StrEnum):
    """Where a weight file came from."""

    PRESENT = "present"
    FILE = "file"
    DEEPFACE = "deepface"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class FetchResult:
    """A verified weight file.

    Attributes:
        path: in the folder of weights.
        origin: what kind of source gave it.
        source: the address or path it came from; its own path where it was there already.
        size_bytes: of the file.
        resumed_from: bytes of an earlier, broken-off download that were gone on from; 0 where
            there was none.
        sha256: of the file.
    """

    path: Path
    origin: Origin
    source: str
    size_bytes: int
    resumed_from: int
    sha256: str


class Search:
    """One search for a file, by one process at a time.

    Args:
        file: the wanted one.
        model: that it is for, as the user calls it.
        expected: its SHA-256; None takes whatever comes.
        on_progress: called while bytes arrive.
        cancelled: asked often; true stops.
        timeout_s: how long a server may keep silent.
    """

    def __init__(
        self,
        file: DownloadedFile,
        model: str,
        expected: str | None,
        on_progress: Callable[[Progress], None] | None,
        cancelled: Callable[[], bool],
        timeout_s: float,
    ) -> None:
        self._file = file
        self._model = model
        self._expected = expected
        self._on_progress = on_progress
        self._cancelled = cancelled
        self._timeout_s = timeout_s
        self._path = file.path()
        self._new = self._path.with_name(f"{self._path.name}.new")  # ours while the lock is
        packed = "" if file.archive is None else f".{file.archive.value}"
        self._part = Part(self._path.with_name(f"{self._path.name}{packed}.part"))

    def run(self, source: Path | None) -> FetchResult:
        """Get the file; see `downloads.fetch`."""
        with self._disk():
            self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return (
                (None if source is not None and self._expected is None else self._present())
                or (None if source is None else self._from_file(source))
                or self._from_deepface()
                or self._downloaded()
            )
        finally:
            with suppress(OSError):  # it is overwritten the next time
                self._new.unlink(missing_ok=True)

    def _present(self) -> FetchResult | None:
        if not self._path.is_file():
            return None
        with self._disk():
            is_right = (
                self._path.stat().st_size > 0
                if self._expected is None
                else file_digest(self._path) == self._expected
            )
        return self._result(Origin.PRESENT, str(self._path)) if is_right else None

    def _from_file(self, source: Path) -> FetchResult:
        """From the user's file, and from nowhere else."""
        if not source.is_file():
            raise WeightsMissing(self._model, f"there is no file {source} to take weights from")
        problem = self._take(source)
        if problem is None:
            return self._result(Origin.FILE, str(source))
        raise WeightsDamaged(
            self._model,
            f"{source} is not {self._file.name}, the weights of {self._model}: {problem}. It was "
            "not taken",
        )

    def _from_deepface(self) -> FetchResult | None:
        """From where the package deepface keeps its weights, which is only read."""
        for home in (os.environ.get("DEEPFACE_HOME"), Path.home()):
            path = inside(Path(home or "", ".deepface", "weights"), self._file.name)
            if home and path != self._path and self._is_right(path):
                with self._disk():
                    self._link(path)
                return self._result(Origin.DEEPFACE, str(path))
        return None

    def _is_right(self, path: Path) -> bool:
        try:
            return self._expected is not None and file_digest(path) == self._expected
        except OSError:
            return False  # not there, or not for us to read; the addresses are left

    def _link(self, path: Path) -> None:
        self._new.unlink(missing_ok=True)
        try:
            os.link(path, self._new)
            os.replace(self._new, self._path)
        except OSError:  # another disk, or a file system without links
            self._copy(path, self._expected)

    def _downloaded(self) -> FetchResult:
        failures: dict[str, SourceFailed] = {}
        wrong: dict[str, str] = {}
        for url in self._urls():
            is_again = False
            while url not in failures and url not in wrong:
                transfer = self._transfer(url)
                try:
                    transfer.run()
                except SourceFailed as failure:
                    failures[url] = failure
                    break
                problem = self._take(self._part.path)
                self._discard()
                if problem is None:
                    return self._result(Origin.DOWNLOAD, url, transfer.resumed_bytes)
                # Gone on with, it may be two versions of the file in one.
                if is_again or not transfer.resumed_bytes:
                    wrong[url] = problem
                is_again = True
        raise self._failed(failures, wrong)

    def _urls(self) -> list[str]:
        """The addresses, the one first that the part is from."""
        sent = self._part.sent()
        return sorted(self._file.urls, key=lambda url: sent is None or url != sent.url)

    def _transfer(self, url: str) -> Transfer:
        def on_bytes(done: int, total: int | None) -> None:
            if self._on_progress is not None:
                resumed = transfer.resumed_bytes
                self._on_progress(Progress(self._file.name, done, total, resumed))

        transfer = Transfer(
            url=url,
            part=self._part,
            is_verified=self._expected is not None,
            on_bytes=on_bytes,
            cancelled=self._cancelled,
            timeout_s=self._timeout_s,
            disk=self._disk,
            later_bytes=(self._file.size_bytes or 0) if self._file.archive else 0,
        )
        return transfer

    def _take(self, candidate: Path) -> str | None:
        """Put a file in place if it is the right one, or holds it.

        Returns:
            None where it is; else what is wrong with it, with both digests.
        """
        size = self._file.size_bytes
        with self._disk(size):
            found, form = file_digest(candidate), archive_form(candidate)
            is_packed = form is not None and form is self._file.archive
            is_taken = self._expected is None and not is_packed and candidate.stat().st_size > 0
            if found == self._expected or is_taken:
                if candidate == self._part.path:
                    place(candidate, self._path)
                else:
                    self._copy(candidate, found)
                return None
            why = ""
            if form is not None and (is_packed or self._expected is not None):
                limit = None if size is None else 2 * size
                try:
                    inner = unpack_file(candidate, form, self._file.name, self._new, limit)
                except NotUnpacked as problem:
                    why = f", and {problem}"
                else:
                    if self._expected in (None, inner):
                        place(self._new, self._path)
                        return None
                    why = f", unpacked {inner}"
        expected = self._expected or "that of some weights"
        return f"its SHA-256 is {found}{why}, expected {expected}"

    def _copy(self, source: Path, expected: str | None) -> None:
        with source.open("rb") as opened:
            copied = copy_hashed(opened, self._new)
        if copied != expected:
            raise WeightsDamaged(self._model, f"{source} changed while it was copied; try again")
        place(self._new, self._path)

    def _discard(self) -> None:
        with self._disk():
            self._part.discard()

    def _disk(self, needed_bytes: int | None = None) -> AbstractContextManager[None]:
        folder = self._path.parent
        return disk_errors(self._model, folder, kind=DownloadFailed, needed_bytes=needed_bytes)

    def _result(self, origin: Origin, source: str, resumed: int = 0) -> FetchResult:
        with self._disk():
            size = self._path.stat().st_size
            digest = self._expected or file_digest(self._path)
        return FetchResult(self._path, origin, source, size, resumed, digest)

    def _failed(
        self, failures: dict[str, SourceFailed], wrong: dict[str, str]
    ) -> DownloadFailed | WeightsDamaged:
        name, model = self._file.name, self._model
        reasons = {url: failure.reason for url, failure in failures.items()} | wrong
        said = "; ".join(f"{url}: {reason}" for url, reason in reasons.items())
        if wrong:
            return WeightsDamaged(
                model,
                f"what was sent for {name}, the weights of {model}, is another file, and was "
                f"removed. {said}. Tell the authors of facesearch where that lasts; meanwhile, "
                f"{self._file.by_hand(model)}",
            )
        if not failures:
            said = "no address is known for it"
        kept = self._part.size_bytes()
        going_on = f" {kept:,} bytes are kept, and the next try goes on from there." * bool(kept)
        offline = failures and all(failure.is_connection for failure in failures.values())
        network = " Is there a network, or a proxy to name in HTTPS_PROXY?" if offline else ""
        return DownloadFailed(
            model,
            f"could not download {name}, the weights of {model}. {said}.{network}{going_on} "
            f"Without network: {self._file.by_hand(model)}",
        )
