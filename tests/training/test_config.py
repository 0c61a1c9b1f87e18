"""Configurations: from files and settings, checked, and back into a file that says the same."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.errors import InvalidValue, UnknownModel
from facesearch.training.config import (
    Given,
    RunConfig,
    TrainingConfig,
    parse_settings,
    read_config,
    read_settings,
    setting_names,
)
from facesearch.training.dataset.augmentation import Augmentation
from facesearch.training.recipes import NAMES, recipe
from facesearch.training.toml import comment, value_of, written

CONVNET = recipe("convnet")


def of(*settings: str) -> RunConfig:
    return RunConfig.of(CONVNET, [parse_settings(settings)])


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_is_written_and_read_back_with_a_source_for_each_value(name: str, tmp_path):
    config = RunConfig.of(recipe(name), [parse_settings(["seed=3", "augment=true"])])
    path = tmp_path / "config.toml"
    path.write_text(config.toml())

    again = read_config(path)

    assert again.document() == config.document()
    assert again.network == config.network
    assert again.training == config.training == TrainingConfig(seed=3, augment=True)
    lines = [line for line in config.toml().splitlines() if line and "[" not in line.split("=")[0]]
    assert all("  # " in line for line in lines[1:])


def test_names_of_settings_mean_one_thing():
    for name in NAMES:
        parts = (recipe(name).config, TrainingConfig)
        fields = [field.name for part in parts for field in dataclasses.fields(part)]
        assert len(set(fields)) == len(fields)


def test_later_settings_win_and_their_source_is_told(tmp_path: Path):
    file = tmp_path / "my.toml"
    file.write_text('recipe = "convnet"\nseed = 1\nfilters = [8, 16]\n[augmentation]\ncrop = 0.2\n')

    config = RunConfig.of(
        CONVNET, [read_settings(file, CONVNET), parse_settings(["seed=2", "augment=true"])]
    )

    assert config.training.seed == 2
    assert config.network.filters == (8, 16)
    assert config.augment == Augmentation(crop=0.2)
    assert (config.sources["seed"], config.sources["filters"]) == ("--set", "my.toml")
    assert config.sources["dropout"].startswith("default: ")


def test_augmentation_is_off_until_it_is_switched_on():
    assert of().augment is None
    assert of("augment=true").augment == Augmentation()
    with pytest.raises(InvalidValue, match=r"augmentation\.mirror has no effect without augment"):
        of("augmentation.mirror=false")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("imgae_size=3", "did you mean image_size"),
        ("dropout=high", "dropout is a number, not 'high'"),
        ("epochs=2.5", "epochs is a whole number, not 2.5"),
        ("epochs=true", "epochs is a whole number, not True"),
        ("filters=[8, 0.5]", "filters is a whole number, not 0.5"),
        ("augment=1", "augment is true or false"),
        ("dropout=1.5", "dropout is in 0..1"),
        ("seed=-1", "seed is 0 to"),
        ("checkpoint_every_steps=-1", "checkpoint_every_steps is 0 or more"),
        ("learning_rate=inf", "learning_rate is a number, not inf"),
        ("learning_rate=nan", "learning_rate is a number, not nan"),
        (f"learning_rate=1{400 * '0'}", "learning_rate is a number, not inf"),
        ("seed", "write it as name=value"),
    ],
)
def test_what_is_no_setting_is_refused_with_what_would_be(setting: str, said: str):
    with pytest.raises(InvalidValue, match=said):
        of(setting)


def test_whole_numbers_serve_as_numbers_and_lists_need_no_brackets():
    config = of("l2=0", "filters=8,16", "large_filters=8")

    assert config.network.l2 == 0.0
    assert isinstance(config.network.l2, float)
    assert config.network.filters == (8, 16)
    assert of("filters=8").network.filters == (8,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = ", "is no TOML"),
        ('recipe = "deepface"', "is for the recipe deepface, not convnet"),
        ("augmentation = 3", "is a table"),
    ],
)
def test_files_that_are_none_are_refused(tmp_path: Path, text: str, said: str):
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(InvalidValue, match=said):
        read_settings(path, CONVNET)


def test_a_file_that_is_missing_or_of_no_run_is_refused(tmp_path: Path):
    with pytest.raises(InvalidValue, match="cannot read"):
        read_settings(tmp_path / "none.toml", CONVNET)
    path = tmp_path / "config.toml"
    path.write_text("seed = 1\n")
    with pytest.raises(InvalidValue, match="does not name its recipe"):
        read_config(path)
    path.write_text('recipe = "convnte"\n')
    with pytest.raises(UnknownModel, match="did you mean convnet"):
        read_config(path)


def test_values_given_by_options_name_the_option():
    with pytest.raises(InvalidValue, match="--batch: batch_size is a whole number"):
        RunConfig.of(CONVNET, [Given({"batch_size": "x"}, "--batch")])
    assert "batch_size" in setting_names(CONVNET)


TEXT = "a\nb # c"
_plain = st.recursive(
    st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(_plain)
def test_toml_reads_back_what_was_written(value):
    assert tomllib.loads(f"value = {written(value)}  {comment(TEXT)}")["value"] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        ("true", True),
        ("32,64", [32, 64]),
        ("[32]", [32]),
        ("my-file.h5", "my-file.h5"),
        ('"3"', "3"),
        ("3\nother = 4", "3\nother = 4"),
    ],
)
def test_settings_are_what_they_look_like(text: str, value: object):
    assert value_of(text) == value
