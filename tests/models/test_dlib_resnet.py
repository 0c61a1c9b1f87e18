"""The default embedder is dlib's network, and its embeddings keep their promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from golden_inputs import Picture, digest

from facesearch.errors import ModelError, WeightsDamaged
from facesearch.models import dlib_resnet
from facesearch.models.catalogue import embedder_spec
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.weights import PackagedFile
from facesearch.values import check_unit_rows

GOLDEN = Path(__file__).parent / "golden_descriptors.npz"


@pytest.fixture(scope="module")
def batch(chips: dict[str, Picture]) -> Picture:
    """All chips in one array."""
    return np.stack(list(chips.values()))


def test_the_chips_are_those_that_dlib_saw(chips: dict[str, Picture]):
    """Where this fails, the test's photographs have changed, not the network."""
    with np.load(GOLDEN) as golden:
        assert golden["names"].tolist() == list(chips)
        assert golden["digests"].tolist() == [digest(chip) for chip in chips.values()]


def test_descriptors_are_those_of_dlib(embedder: DlibResNet, batch: Picture):
    with np.load(GOLDEN) as golden:
        expected = golden["descriptors"]
    found = embedder.describe(batch)
    assert found.shape == expected.shape == (20, 128)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-5


def test_an_embedding_is_the_mean_of_a_chip_and_its_mirror_image_at_length_1(
    embedder: DlibResNet, batch: Picture
):
    both = embedder.describe(batch) + embedder.describe(np.ascontiguousarray(batch[:, :, ::-1]))
    expected = both / np.linalg.norm(both, axis=1, keepdims=True)
    found = embedder.embed(batch)
    check_unit_rows(found)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_mirrored_chips_have_the_same_embeddings(embedder: DlibResNet, batch: Picture):
    """Whichever way a photo was mirrored; a view without a copy will do."""
    np.testing.assert_allclose(embedder.embed(batch[:, :, ::-1]), embedder.embed(batch), atol=1e-6)


def test_no_chips_are_no_embeddings(embedder: DlibResNet):
    none = np.empty((0, 150, 150, 3), np.uint8)
    assert embedder.embed(none).shape == (0, 128)
    assert embedder.describe(none).shape == (0, 128)
    assert embedder.embed(none).dtype == np.float32


@pytest.mark.parametrize("size", [1, 3, 20, 67])
def test_the_size_of_a_batch_changes_nothing(embedder: DlibResNet, batch: Picture, size: int):
    together = embedder.embed(batch)
    many = np.resize(batch, (max(size, 20), 150, 150, 3))
    parts = [embedder.embed(many[at : at + size]) for at in range(0, len(many), size)]
    np.testing.assert_allclose(np.concatenate(parts)[:20], together, atol=1e-6)


def test_threads_at_once_get_the_same(embedder: DlibResNet, batch: Picture):
    alone = embedder.embed(batch)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(embedder.embed, [batch] * 8):
            np.testing.assert_array_equal(found, alone)


def test_one_person_is_near_and_others_are_far(embedder: DlibResNet, chips: dict[str, Picture]):
    rows = dict(zip(chips, embedder.embed(np.stack(list(chips.values()))), strict=True))
    limit = embedder_spec().max_distance
    for name in ("mirrored", "dark", "bright", "shifted", "tilted", "grey"):
        assert 1 - rows["aligned"] @ rows[name] < limit, name
    for name in ("small face 0", "small face 23", "small face 57", "small face 99", "cat"):
        assert 1 - rows["aligned"] @ rows[name] > limit, name


def test_the_space_names_weights_and_alignment(embedder: DlibResNet):
    assert embedder.space == "dlib-resnet34@55533b28:five-point-mirror"
    assert dlib_resnet.WEIGHTS.sha256.startswith("55533b28")
    assert embedder.template.name in embedder.space
    assert embedder.template.size_px == 150
    assert embedder.dimension == 128


@pytest.mark.parametrize("shape", [(2, 149, 150, 3), (2, 150, 150, 4), (150, 150, 3)])
def test_chips_of_another_shape_are_refused(embedder: DlibResNet, shape: tuple[int, ...]):
    with pytest.raises(ModelError, match="dlib-resnet34"):
        embedder.describe(np.zeros(shape, np.uint8))


def test_chips_of_another_type_are_refused(embedder: DlibResNet):
    with pytest.raises(ModelError, match="dlib-resnet34"):
        embedder.describe(np.zeros((1, 150, 150, 3), np.float32))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:5000],
        lambda data: data.replace(b"affine_", b"affinX_", 1),
        lambda data: data.replace(b"fc_2", b"fc_9"),
        lambda data: data[data.index(b"affine_") - 2 :],
    ],
    ids=["empty", "half", "beginning", "a layer gone", "no matrix", "first layer gone"],
)
def test_weights_of_another_network_are_refused(monkeypatch: pytest.MonkeyPatch, spoil):
    """Whatever passes the digest, should it ever be pinned to a wrong file."""
    data = dlib_resnet.WEIGHTS.read("dlib-resnet34")
    monkeypatch.setattr(PackagedFile, "read", lambda self, model: spoil(data))
    with pytest.raises(WeightsDamaged, match="does not hold dlib-resnet34"):
        dlib_resnet.build_network()
