"""What was learned about the distances of a space."""

from __future__ import annotations

import pytest

from facesearch.errors import InvalidValue


def test_the_last_calibration_of_each_space_counts_until_it_is_forgotten(catalog):
    catalog.ensure_space("toy@1", 8)
    catalog.ensure_space("other@1", 8)
    assert catalog.calibration("toy@1") is None
    assert not catalog.forget_calibration("toy@1")
    catalog.store_calibration("toy@1", '{"a": 1}')
    catalog.store_calibration("toy@1", '{"a": 2}')
    catalog.store_calibration("other@1", "{}")
    assert catalog.calibration("toy@1") == '{"a": 2}'
    assert catalog.forget_calibration("toy@1")
    assert catalog.calibration("toy@1") is None
    assert catalog.calibration("other@1") == "{}"
    catalog.store_calibration("toy@1", '{"a": 3}')
    assert catalog.calibration("toy@1") == '{"a": 3}'


def test_a_space_without_faces_cannot_be_calibrated(catalog):
    with pytest.raises(InvalidValue, match="nowhere@1"):
        catalog.store_calibration("nowhere@1", "{}")
    assert catalog.calibration("nowhere@1") is None
