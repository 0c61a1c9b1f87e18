"""Fine-tuning changes what it is to change, in each of its phases, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facesearch.errors import InvalidModelFile, InvalidValue, WeightsDamaged, WeightsMissing
from facesearch.models.keras_export import ExportReport
from facesearch.training.recipes.base import BuiltNetwork, Phase, shares
from facesearch.training.recipes.mobilenet import IMAGENET, RECIPE, MobilenetConfig
from facesearch.values import ByteArray

tf_keras = pytest.importorskip("tf_keras", reason="training needs the extra `train`")

SMALL = MobilenetConfig(weights="random", image_size=32, alpha=0.25)
OVER_DLIB = MobilenetConfig(base="dlib-resnet34")


def weights_of(built: BuiltNetwork) -> dict[str, np.ndarray]:
    return {weight.name: weight.numpy() for weight in built.trained.weights}


def train(built: BuiltNetwork, config: MobilenetConfig, phase: Phase, chips: ByteArray) -> set[str]:
    """Names of the weights that a few steps of a phase changed."""
    before = weights_of(built)
    built.free(phase)
    optimizer = RECIPE.optimizer(config, phase, steps_per_epoch=2)
    # A graph takes longer to make than these few steps.
    built.trained.compile(optimizer, RECIPE.loss(config, classes=3), run_eagerly=True)
    for _ in range(3):
        loss = built.trained.train_on_batch(chips, np.arange(len(chips)) % 3)
    assert np.isfinite(loss)
    return {name for name, now in weights_of(built).items() if (now != before[name]).any()}


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of MobileNet with alpha 0.25, without its top."""
    path = tmp_path_factory.mktemp("weights") / "mobilenet.h5"
    network = tf_keras.applications.MobileNet(
        input_shape=(32, 32, 3), alpha=0.25, include_top=False, weights=None
    )
    for layer in network.layers:
        if layer.name.endswith("_bn"):
            layer.gamma.assign(3 * layer.gamma)  # else little comes through so many layers
    network.save_weights(path)
    return path


def test_own_layers_learn_first_and_the_top_of_mobilenet_with_them_later(
    weights_file: Path,
    chips_of: Callable[[int], ByteArray],
    exported: Callable[[BuiltNetwork, ByteArray], ExportReport],
):
    config = replace(SMALL, weights=str(weights_file))
    built = RECIPE.build(config, classes=3, chip_px=32)
    chips = chips_of(32)
    top, joint = RECIPE.phases(config, batch=4)
    own = {"hidden/kernel:0", "hidden/bias:0", "people/kernel:0", "people/bias:0"}
    assert train(built, config, top, chips) == own
    convolutions = {
        f"conv_{kind}_{block}/{kernel}:0"
        for kind, kernel in (("dw", "depthwise_kernel"), ("pw", "kernel"))
        for block in (12, 13)
    }
    # So no statistics of batch normalisation: neither when frozen, nor afterwards.
    assert train(built, config, joint, chips) == own | convolutions
    assert joint.learning_rate < top.learning_rate
    assert exported(built, chips).dimension == 256


def test_a_base_with_random_weights_is_trained_as_a_whole(chips_of: Callable[[int], ByteArray]):
    built = RECIPE.build(SMALL, classes=3, chip_px=32)
    (phase,) = RECIPE.phases(SMALL, batch=4)
    changed = train(built, SMALL, phase, chips_of(32))
    statistics = {name for name in weights_of(built) if "moving" in name}
    assert statistics
    assert statistics <= changed
    assert {"conv1/kernel:0", "conv_pw_13/kernel:0", "people/kernel:0"} <= changed
    assert built.notes == {"base weights": "random"}


def test_own_layers_learn_first_and_the_top_of_dlibs_network_with_them_later(
    face_chips: ByteArray,
):
    built = RECIPE.build(OVER_DLIB, classes=3, chip_px=150)
    top, joint = RECIPE.phases(OVER_DLIB, batch=4)
    own = {"people/kernel:0", "people/bias:0"}
    chips = face_chips[:6]
    assert train(built, OVER_DLIB, top, chips) == own
    freed = train(built, OVER_DLIB, joint, chips) - own
    assert {name.split("/")[0] for name in freed} == {
        "block_13_conv_1",
        "block_13_conv_2",
        "block_14_conv_1",
        "block_14_conv_2",
        "descriptor",
    }
    assert "55533b28" in built.notes["base weights"]


def test_the_embedding_over_dlib_is_its_descriptor_and_can_be_exported(
    chips_of: Callable[[int], ByteArray],
    exported: Callable[[BuiltNetwork, ByteArray], ExportReport],
):
    built = RECIPE.build(OVER_DLIB, classes=2, chip_px=128)
    chips = chips_of(128)
    assert exported(built, chips).dimension == 128
    assert shares(built.model.predict_on_batch(chips)).sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("blocks", [0, 1, 14])
def test_layers_before_the_first_that_changes_stay_as_they_are(
    face_chips: ByteArray, weights_file: Path, blocks: int
):
    over_mobilenet = replace(SMALL, weights=str(weights_file), unfrozen_blocks=min(blocks, 13))
    for config, size in ((replace(OVER_DLIB, unfrozen_blocks=blocks), 150), (over_mobilenet, 150)):
        built = RECIPE.build(config, classes=3, chip_px=size)
        parted = [p for p in RECIPE.phases(config, batch=4) if p.first_changing is not None]
        assert parted
        for phase in parted:
            built.free(phase)
            assert phase.first_changing is not None
            front, rest = built.parted(phase.first_changing)
            assert front.trainable_weights == []
            assert not any("Dropout" in type(layer).__name__ for layer in front.layers)
            assert len(rest.trainable_weights) == len(built.trained.trainable_weights)
            found = rest.predict_on_batch(front.predict_on_batch(face_chips[:2]))
            expected = built.trained.predict_on_batch(face_chips[:2])
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_network_is_parted_at_layers_that_are_there():
    built = RECIPE.build(SMALL, classes=3, chip_px=32)
    with pytest.raises(InvalidValue, match="no layer conv_pw_1 to part"):
        built.parted("conv_pw_1")  # which is in the network inside it


def test_without_unfrozen_blocks_there_is_one_phase():
    config = MobilenetConfig(unfrozen_blocks=0)
    assert [phase.name for phase in RECIPE.phases(config, batch=4)] == ["top"]


def test_layers_that_are_not_there_cannot_be_freed():
    built = RECIPE.build(SMALL, classes=3, chip_px=32)
    with pytest.raises(InvalidValue, match="no layer conv_pw_99"):
        built.free(Phase(name="top", epochs=1, learning_rate=1.0, free=("conv_pw_99",)))


def test_weights_come_from_a_file(weights_file: Path):
    digest = hashlib.sha256(weights_file.read_bytes()).hexdigest()
    config = MobilenetConfig(
        weights=str(weights_file), weights_sha256=digest, image_size=64, alpha=0.25
    )
    first, second = (RECIPE.build(config, classes=3, chip_px=64) for _ in range(2))
    assert first.notes == {"base weights": f"mobilenet.h5, SHA-256 {digest}"}
    of_base = [
        built.model.get_layer("mobilenet_0.25_64").get_weights() for built in (first, second)
    ]
    assert all((one == other).all() for one, other in zip(*of_base, strict=True))
    own = [built.model.get_layer("hidden").get_weights()[0] for built in (first, second)]
    assert (own[0] != own[1]).any()


def test_a_file_that_is_not_the_stated_one_is_refused(weights_file: Path):
    config = MobilenetConfig(weights=str(weights_file), weights_sha256="0" * 64, alpha=0.25)
    with pytest.raises(WeightsDamaged, match="not the stated file"):
        RECIPE.build(config, classes=3, chip_px=128)


def test_weights_of_another_network_are_refused(weights_file: Path, tmp_path: Path):
    with pytest.raises(InvalidModelFile, match=r"alpha 0\.5"):
        RECIPE.build(MobilenetConfig(weights=str(weights_file)), classes=3, chip_px=128)
    nonsense = tmp_path / "nonsense.h5"
    nonsense.write_bytes(b"nothing of use")
    with pytest.raises(InvalidModelFile, match=r"alpha 0\.5"):
        RECIPE.build(MobilenetConfig(weights=str(nonsense)), classes=3, chip_px=128)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    config = MobilenetConfig(weights=str(tmp_path / "none.h5"))
    with pytest.raises(WeightsMissing, match=r"none\.h5"):
        RECIPE.build(config, classes=3, chip_px=128)


def test_without_imagenets_weights_the_message_says_what_to_do():
    assert not IMAGENET.is_present()
    with pytest.raises(WeightsMissing, match="--base dlib-resnet34") as raised:
        RECIPE.build(MobilenetConfig(), classes=3, chip_px=128)
    assert IMAGENET.urls[0] in str(raised.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base": "resnet"}, "base is one of mobilenet, dlib-resnet34"),
        ({"alpha": 1.0}, "published weights are those of alpha 0.5"),
        ({"base": "dlib-resnet34", "weights": "random"}, "leave weights out"),
        ({"unfrozen_blocks": 14}, "mobilenet has 13 blocks"),
        ({"dropout": 1.0}, "dropout"),
        ({"weights_sha256": "abc"}, "SHA-256"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(change: dict[str, object], said: str):
    with pytest.raises(InvalidValue, match=said):
        MobilenetConfig(**change)
