"""Get weight files onto this machine: the only place that ever downloads.

In: a `DownloadedFile`, what the user says about its digest and its licence. Out: the verified
file in the folder of weights, and a record of what the user said. Nothing gets its name before
its SHA-256 is right, and one process at a time gets a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from facesearch.errors import Cancelled, InvalidValue, LicenceNotAccepted, WeightsMissing
from facesearch.models import store
from facesearch.models.files import checked_digest
from facesearch.models.sources import FetchResult, Origin, Progress, Search
from facesearch.models.store import Consent, Trust
from facesearch.models.weights import DownloadedFile

__all__ = ["FetchResult", "Origin", "Progress", "check_licence", "fetch"]


def fetch(
    file: DownloadedFile,
    model: str,
    *,
    source: Path | None = None,
    sha256: str | None = None,
    trust: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    timeout_s: float = 30.0,
) -> FetchResult:
    """Get a weight file.

    Args:
        file: which.
        model: that it is for, as the user calls it.
        source: a file to take instead of downloading, packed or not; its name does not matter.
        sha256: states the digest of a file that has none published; it is recorded, and
            replaces what was recorded before.
        trust: take what comes where no digest is known, and record its digest.
        on_progress: called while bytes arrive.
        cancelled: asked often; true stops. What arrived is kept.
        timeout_s: how long a server may keep silent.

    Raises:
        WeightsMissing: no digest is known, and none was stated or trusted; or `source` is
            not there.
        WeightsDamaged: what the sources gave is not the file; names both digests.
        DownloadFailed: no source gave anything, or there is no space or permission for it.
        InvalidValue: `sha256` is no digest, or contradicts the pinned one.
        Cancelled: `cancelled` said so.
        ModelError: the records of digests cannot be read or written.
    """
    expected, how = _expected(file, model, sha256, trust)
    is_cancelled = cancelled or _never

    def waiting(holder: int | None) -> None:
        if is_cancelled():
            who = "another process" if holder is None else f"process {holder}"
            raise Cancelled(f"stopped while {who} was getting {file.name}")

    with store.lock(file.name, model, wait_s=math.inf, on_wait=waiting):
        search = Search(file, model, expected, on_progress, is_cancelled, timeout_s)
        result = search.run(source)
        if how is not None:
            known = store.trusted_digest(file.name)
            if known is None or (known.sha256, known.how) != (result.sha256, how):
                store.trust(file.name, result.sha256, how)
    return result


def check_licence(model: str, licence: str, non_commercial: bool, accept: bool) -> bool:
    """Check that the weights of a model may be used here, and record that the user knows how.

    Args:
        model: its whole name.
        licence: as the catalogue has it; another text than the recorded one counts as new.
        non_commercial: it has to be agreed to.
        accept: the user agrees.

    Returns:
        Whether the licence is new to this machine and should be shown.

    Raises:
        LicenceNotAccepted: it has to be agreed to, and was not.
        ModelError: the records cannot be read or written.
    """
    known = store.accepted_licence(model)
    is_new = known is None or known.licence != licence
    is_agreed = known is not None and not is_new and known.consent is Consent.ACCEPTED
    if non_commercial and not (is_agreed or accept):
        raise LicenceNotAccepted(
            model,
            f"the licence of the weights of {model} forbids commercial use: {licence}. If that "
            f"suits you, run `facesearch models get {model} --accept-license`",
        )
    consent = Consent.ACCEPTED if accept else Consent.SHOWN
    if is_new or (accept and not is_agreed):
        store.accept_licence(model, licence, consent)
    return is_new


def _never() -> bool:
    return False


def _expected(
    file: DownloadedFile, model: str, sha256: str | None, trust: bool
) -> tuple[str | None, Trust | None]:
    """The digest that counts (None: whatever comes), and how it is to be recorded."""
    known = file.digest()
    if sha256 is not None:
        stated = checked_digest(sha256)
        if file.sha256 is not None and stated != file.sha256:
            raise InvalidValue(
                f"the SHA-256 of {file.name} is known to be {file.sha256}, not {stated}: leave "
                "--sha256 out"
            )
        return stated, Trust.STATED if file.sha256 is None else None
    if known is not None:
        return known, None
    if not trust:
        raise WeightsMissing(model, f"cannot get the weights of {model}: {file.undigested(model)}")
    return None, Trust.FIRST_USE
