"""Words and numbers for people: in go values, out come short texts safe to print.

Names and paths come from strangers' disks. A file may be called ESC]0;...BEL or carry
a line break or bytes that are no text at all, so whatever is shown passes `printable`.
"""

from __future__ import annotations

import re

# Control characters (C0, DEL, C1), line and paragraph separators, and the marks that
# turn the reading direction of the rest of the line. Joiners and variation selectors
# stay: emoji families and many scripts need them.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no text, as os.fsdecode keeps it
        return f"\\x{code - 0xDC00:02x}"
    named = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r"}.get(code)
    if named is not None:
        return named
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def printable(text: str) -> str:
    """One line that moves no cursor and changes no colour, whatever a file is called.

    Control characters and undecodable bytes become escapes such as ``\\x1b``.
    """
    return _UNSAFE.sub(_escaped, text)


def count(number: int, thing: str, things: str | None = None) -> str:
    """``1 photo``, ``13,232 photos``."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``2 min 31 s``, ``1 h 05 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def rate(per_second: float) -> str:
    """So many a second: ``87.6``, ``1,240``."""
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.1f}"


def size_on_disk(size_bytes: int) -> str:
    """``512 bytes``, ``3.4 MB``, ``1.2 GB``; powers of 1000, as disks are sold."""
    if size_bytes < 1000:
        return count(size_bytes, "byte")
    amount = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} TB"


def distance(value: float) -> str:
    """A cosine distance with the three decimals that mean anything: ``0.041``."""
    return f"{value:.3f}"


def probability(value: float) -> str:
    """``98 %``, ``99.3 %``, ``>99.9 %``, ``<1 %``: never more certain than it is."""
    if value > 0.999:
        return ">99.9 %"
    if value < 0.01:
        return "<1 %"
    return f"{100 * value:.1f} %" if value >= 0.99 else f"{100 * value:.0f} %"


def one_in(share: float) -> str:
    """A share as ``1 in 12,000``, to two digits; large ones as ``35 in 100``."""
    if share >= 0.095:
        return f"{100 * share:.0f} in 100"
    if share <= 1e-9:
        return "less than 1 in 1,000,000,000"
    return f"1 in {float(f'{1 / share:.2g}'):,.0f}"


def measured_one_in(share: float) -> str:
    """As `one_in`, down to what the millions of measured pairs can tell."""
    seen = 1e-6
    return one_in(share) if share >= seen else f"fewer than {one_in(seen)}"


def amount(value: float) -> str:
    """A number of things on average: ``0.003``, ``0.1``, ``12``, ``1,400``."""
    if value < 0.001:
        return "less than 0.001"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1g}" if value < 1 else f"{value:.1f}"
