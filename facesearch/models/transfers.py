"""One file from one address, over HTTP, in as many goes as it takes.

In: an address and the part of the file that an earlier run may have left. Out: the whole part,
not yet verified. Cut-off transfers go on where they stopped, as long as the server still has
the same file. Proxies are taken from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from facesearch.errors import Cancelled
from facesearch.models.files import require_space, write_all
from facesearch.models.parts import Part, Sent

if TYPE_CHECKING:
    from requests import RequestException, Response, Session

_ATTEMPTS = 5
_BACKOFF_S = 0.5  # before the second attempt; doubled before each further one
_WORTHWHILE_BYTES = 1 << 20  # an attempt that brought so much does not count as a failed one
_CHUNK_BYTES = 1 << 16
_REDIRECTS = 10


class SourceFailed(Exception):
    """An address did not give the file.

    Attributes:
        reason: in words, for after the address and a colon.
        is_connection: no server answered, as without network.
        may_retry: what came so far is kept, and trying again may bring the rest.
    """

    def __init__(
        self, reason: str, *, is_connection: bool = False, may_retry: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_connection = is_connection
        self.may_retry = may_retry


@dataclass(slots=True, kw_only=True)
class Transfer:
    """One file from one address.

    Attributes:
        url: the address, http or https.
        part: what arrived so far.
        is_verified: the whole file's digest is known, so that a part may be gone on with even
            where the server does not say whether the file is still the same.
        on_bytes: called with the bytes there are, and all there will be (None where unknown).
        cancelled: asked often; true stops the transfer.
        timeout_s: how long a server may keep silent.
        disk: a context that turns an OSError of the part into an error in words, given how
            many bytes have to fit on the disk still (None where unknown).
        later_bytes: that have to fit there besides, once all has arrived.
        resumed_bytes: that an earlier run had left and that were kept.
    """

    url: str
    part: Part
    is_verified: bool
    on_bytes: Callable[[int, int | None], None]
    cancelled: Callable[[], bool]
    timeout_s: float
    disk: Callable[[int | None], AbstractContextManager[None]]
    later_bytes: int = 0
    resumed_bytes: int = 0

    def run(self) -> None:
        """Complete the part.

        Raises:
            SourceFailed: this address does not give the file; the part is kept.
            Cancelled: so is it then.
        """
        import requests

        self.resumed_bytes = self._usable_bytes()
        failures, has_gained = 0, False
        with requests.Session() as session:
            while not (self.part.is_complete() and self._usable_bytes()):
                before = self._usable_bytes()
                try:
                    self._attempt(session)
                    return
                except SourceFailed as failure:
                    gained = self.part.size_bytes() - before
                    has_gained |= gained > 0
                    failures = 0 if gained >= _WORTHWHILE_BYTES else failures + 1
                    may_retry = failure.may_retry or (failure.is_connection and has_gained)
                    if not may_retry or failures >= _ATTEMPTS:
                        raise
                self._pause(_BACKOFF_S * 2 ** max(0, failures - 1))

    def _usable_bytes(self) -> int:
        """How much of the part can be gone on with at this address."""
        sent = self.part.sent()
        if sent is None or sent.url != self.url:
            return 0
        if sent.validator is None and not self.is_verified:
            return 0
        size = self.part.size_bytes()
        return size if sent.total_bytes is None or size <= sent.total_bytes else 0

    def _attempt(self, session: Session) -> None:
        have, sent = self._usable_bytes(), self.part.sent()
        headers = {"Accept-Encoding": "identity", "User-Agent": "facesearch"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if sent is not None and sent.validator is not None:
                headers["If-Range"] = sent.validator
        with self._answer(session, headers) as response:
            status = response.status_code
            if have and status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                if _content_range(response) == (None, have):
                    return  # all of it was there; the server had not said how much that is
                self._start_over("the server no longer has the rest of what was begun")
            if status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
                raise SourceFailed(f"the server answered {status} {response.reason}")
            _check_is_file(response)
            if status == HTTPStatus.PARTIAL_CONTENT:
                start, total = _content_range(response)
                changed = sent is None or sent.total_bytes not in (None, total)
                if not have or start != have or changed:
                    self._start_over("the server went on at another place, or with another file")
            else:
                self.resumed_bytes = have = 0
                total = _length(response)
                with self.disk(total):
                    self.part.begin(Sent(self.url, _validator(response), total))
            self._receive(response, have, total)

    def _answer(self, session: Session, headers: dict[str, str]) -> Response:
        """The response to a GET, redirects followed."""
        import requests

        address = self.url
        try:
            for _ in range(_REDIRECTS):
                response = session.get(
                    address,
                    headers=headers,
                    stream=True,
                    timeout=self.timeout_s,
                    allow_redirects=False,
                )
                location = session.get_redirect_target(response)
                if location is None:
                    return response
                response.close()
                address = redirected(address, location)
        except requests.RequestException as error:
            raise _failure(error) from error
        raise SourceFailed("the server redirects without end")

    def _receive(self, response: Response, have: int, total: int | None) -> None:
        import requests

        done = have
        needed = None if total is None else total - have + self.later_bytes
        with self.disk(needed):
            require_space(self.part.path.parent, needed or 0)
            out = self.part.path.open("ab", buffering=0)
        with out:
            chunks = response.iter_content(_CHUNK_BYTES)
            while True:
                self.on_bytes(done, total)
                self._check_cancelled()
                try:
                    chunk = next(chunks, b"")
                except requests.RequestException as error:
                    failure = _failure(error)
                    how_far = f"{done:,}" if total is None else f"{done:,} of {total:,}"
                    raise SourceFailed(
                        f"cut off after {how_far} bytes ({failure.reason})", may_retry=True
                    ) from error
                if not chunk:
                    break
                with self.disk(None if total is None else total - done):
                    write_all(out, chunk)
                done += len(chunk)
        if total is not None and done != total:
            raise SourceFailed(f"cut off after {done:,} of {total:,} bytes", may_retry=True)

    def _start_over(self, why: str) -> None:
        with self.disk(None):
            self.part.discard()
        self.resumed_bytes = 0
        raise SourceFailed(why, may_retry=True)

    def _pause(self, pause_s: float) -> None:
        end = time.monotonic() + pause_s
        while (left_s := end - time.monotonic()) > 0:
            self._check_cancelled()
            time.sleep(min(0.1, left_s))

    def _check_cancelled(self) -> None:
        if self.cancelled():
            kept = self.part.size_bytes()
            raise Cancelled(
                f"stopped; {kept:,} bytes of {self.url} are kept, and the next "
                "`facesearch models get` goes on from there"
            )


def redirected(address: str, location: str) -> str:
    """Where a redirect leads.

    Raises:
        SourceFailed: away from https, or to what is no web address.
    """
    target = urljoin(address, location)
    before, after = urlsplit(address).scheme, urlsplit(target).scheme
    if after not in ("http", "https") or (before == "https" and after != "https"):
        raise SourceFailed(f"redirected from {before} to {target}, which is not followed")
    return target


def _check_is_file(response: Response) -> None:
    """Refuse what is not the file before it replaces anything that was downloaded."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        raise SourceFailed(
            f"a web page ({kind}) came instead of the file: perhaps the network wants a login, or "
            "the file has moved"
        )
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise SourceFailed(f"the server insists on sending it as {encoding}")


def _length(response: Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _content_range(response: Response) -> tuple[int | None, int | None]:
    """First byte and total that `Content-Range` states; None for what it does not."""
    text = response.headers.get("Content-Range", "")
    found = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", text.strip())
    if found is None:
        return None, None
    first, total = found.groups()
    return None if first is None else int(first), None if total is None else int(total)


def _validator(response: Response) -> str | None:
    etag = response.headers.get("ETag", "")
    if etag.startswith('"'):  # weak ones, W/"...", do not promise the same bytes
        return etag
    return response.headers.get("Last-Modified")


def _failure(error: RequestException) -> SourceFailed:
    """What went wrong below HTTP, in words."""
    import requests

    inner = error.args[0] if error.args else error
    cause = str(getattr(inner, "reason", inner))
    # "HTTPSConnection(host='...', port=443): Failed to ..." begins with what is said already
    detail = re.sub(r"^\S*Connection(Pool)?\(.*?\): ", "", cause)
    if isinstance(error, requests.exceptions.ProxyError):
        return SourceFailed(f"the proxy does not answer ({detail})", is_connection=True)
    if isinstance(error, requests.exceptions.SSLError):
        return SourceFailed(f"no secure connection ({detail})", is_connection=True)
    if isinstance(error, requests.Timeout):
        return SourceFailed(f"no answer in time ({detail})", is_connection=True)
    if isinstance(error, requests.ConnectionError):
        return SourceFailed(f"cannot be reached ({detail})", is_connection=True)
    return SourceFailed(detail)
