"""Which stored paths lie below a root: decided by bytes, exactly."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.catalog.paths import path_bytes, path_text, spans_under

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")

# Few different bytes, so that prefixes meet: neighbours of '/', extremes, bad UTF-8.
names = st.lists(st.sampled_from([b"a", b"b", b".", b"0", b"\x01", b"\xff", b"\xc3"]), min_size=1)
paths = st.lists(names.map(b"".join), min_size=1, max_size=4).map(lambda p: b"/" + b"/".join(p))
any_paths = paths | st.binary(min_size=1, max_size=12).map(
    lambda raw: b"/" + raw.replace(b"\0", b"")
)


def below(path: bytes, root: bytes) -> bool:
    return path == root or path.startswith(root if root.endswith(b"/") else root + b"/")


@given(st.lists(any_paths, max_size=5), st.lists(any_paths, max_size=30))
def test_spans_hold_exactly_the_roots_and_what_lies_below(roots, stored):
    spans = spans_under([path_text(root) for root in roots])
    for path in stored + roots:
        expected = any(below(path, root) for root in roots)
        assert sum(low <= path < high for low, high in spans) == expected


@given(st.lists(any_paths, max_size=8))
def test_spans_are_ascending_and_disjoint(roots):
    spans = spans_under([path_text(root) for root in roots])
    assert spans == sorted(spans)
    assert all(first[1] < second[0] for first, second in pairwise(spans))


@given(any_paths)
def test_any_name_survives(path):
    assert path_bytes(path_text(path)) == path


def test_a_longer_name_is_not_below():
    (span,) = [s for s in spans_under(["/a/b"]) if s[0] == b"/a/b/"]
    assert not span[0] <= b"/a/bc" < span[1]


def test_the_root_of_everything():
    assert all(
        any(low <= path < high for low, high in spans_under(["/"]))
        for path in (b"/", b"/a", b"/\xff\xff")
    )
