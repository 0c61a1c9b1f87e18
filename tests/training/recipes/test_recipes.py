"""Every recipe says where its numbers come from, and what training it takes."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from facesearch.errors import InvalidValue, UnknownModel
from facesearch.training.recipes import NAMES, recipe
from facesearch.training.recipes.base import Task, shares, source_of


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_a_source(name: str):
    config = recipe(name).config
    assert config() == config()
    for field in dataclasses.fields(config):
        assert len(source_of(config, field.name)) > 5


@pytest.mark.parametrize("name", NAMES)
def test_every_field_can_stand_in_a_toml_file(name: str):
    for value in dataclasses.asdict(recipe(name).config()).values():
        parts = value if isinstance(value, tuple) else (value,)
        assert all(isinstance(part, int | float | str | bool) for part in parts)


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_has_what_a_run_asks_it_for(name: str):
    found = recipe(name)
    assert found.name == name
    assert found.about
    assert (found.pairs is not None) == (found.task is Task.PAIRS)
    assert not found.wants_embeddings(found.config())
    for phase in found.phases(found.config(), batch=16):
        assert phase.epochs > 0
        assert phase.learning_rate > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [{"image_size": 20}, {"batch_size": 0}])
def test_networks_that_cannot_be_are_refused(name: str, change: dict[str, int]):
    (field,) = change
    with pytest.raises(InvalidValue, match=field):
        recipe(name).config(**change)


def test_a_name_that_is_nearly_right_is_understood():
    with pytest.raises(UnknownModel, match="did you mean siamese-densenet"):
        recipe("siamese-dense")
    with pytest.raises(UnknownModel, match="there are convnet, mobilenet"):
        recipe("xyz")


def test_recipes_are_listed_without_tensorflow():
    code = (
        "import sys; from facesearch.training.recipes import NAMES, recipe\n"
        "for name in NAMES:\n"
        "    found = recipe(name); found.phases(found.config(), batch=8)\n"
        "assert not {'tensorflow', 'tf_keras', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_field_that_is_not_there_has_no_source():
    with pytest.raises(InvalidValue, match="no field 'colour'"):
        source_of(recipe("convnet").config, "colour")


def test_the_probability_of_the_second_of_two_gives_that_of_the_first():
    found = shares(np.array([[0.25], [1.0]], np.float32))
    assert found.tolist() == [[0.75, 0.25], [0.0, 1.0]]
    many = np.array([[0.25, 0.5, 0.25]], np.float32)
    assert shares(many).tolist() == many.tolist()
