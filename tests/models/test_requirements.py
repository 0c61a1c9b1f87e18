"""Optional packages: what is missing is told with the commands that install it."""

from __future__ import annotations

import pytest

from facesearch.errors import PackageMissing
from facesearch.models.requirements import Requirement, check_all

THERE = Requirement("numpy", "NumPy", "pip install numpy")
ONE = Requirement("no_such_module_a", "One", "pip install one")
OTHER = Requirement("no_such_module_b", "Other", "pip install --no-deps other")


def test_nothing_is_said_where_all_is_there():
    THERE.check("model")
    check_all("model", [THERE, THERE])


def test_a_missing_package_is_named_with_its_command():
    with pytest.raises(PackageMissing, match=r"needs the package One.*`pip install one`") as caught:
        ONE.check("model")
    assert caught.value.install == "pip install one"
    assert caught.value.model == "model"


def test_all_missing_packages_are_told_at_once():
    with pytest.raises(PackageMissing, match="One and Other") as caught:
        check_all("model", [ONE, THERE, OTHER, ONE])
    assert caught.value.install == "pip install one && pip install --no-deps other"


def test_half_a_package_counts_as_missing():
    assert not Requirement("numpy.no_such.module", "x", "y").is_installed()
