"""The default embedder is dlib's network, and its embeddings keep their promises."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from golden_inputs import Picture, digest

from facesearch.errors import ModelError, WeightsDamaged
from facesearch.models import dlib_resnet
from facesearch.models.catalogue import Accuracy, embedder_for, embedder_spec
from facesearch.models.dlib_resnet import BEST, FAST, NAME, DlibEmbedder, DlibResNet, DlibSetting
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.onnx import Runtime
from facesearch.models.weights import PackagedFile
from facesearch.rates import measured_rates
from facesearch.values import Image, Landmarks

PINNED = {
    Accuracy.FAST: ("dlib-resnet34@55533b28:two-scales-l1", "51fab828"),
    Accuracy.BEST: ("dlib-resnet34@55533b28:three-scales-mirror-l1", "f51610af"),
}
GOLDEN = Path(__file__).parent / "golden_descriptors.npz"


@pytest.fixture(scope="module")
def batch(chips: dict[str, Picture]) -> Picture:
    """All chips in one array."""
    return np.stack(list(chips.values()))


@pytest.fixture(scope="module")
def views(batch: Picture) -> Picture:
    """The same as faces: each chip stands in for its other view too."""
    return np.stack([batch, batch[:, :, ::-1]], axis=1)


@pytest.fixture(scope="module")
def astronaut_face(detector: Mtcnn) -> tuple[Image, Landmarks]:
    """A photo and where its face is."""
    image = Image.of(skimage.data.astronaut())
    ((face,),) = detector.detect([image])
    return image, face.landmarks


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


@pytest.mark.parametrize("setting", [FAST, BEST], ids=lambda setting: setting.alignment)
def test_an_embedding_is_the_mapped_sum_of_its_views_at_length_1(
    runtime: Runtime, astronaut_face: tuple[Image, Landmarks], setting: DlibSetting
):
    embedder = DlibResNet(runtime, setting)
    image, landmarks = astronaut_face
    chips = embedder.cut(image, landmarks)
    assert chips.shape == (len(setting.views), 150, 150, 3)
    for chip, view in zip(chips, setting.views, strict=True):
        straight = view.template.cut(image, landmarks)
        np.testing.assert_array_equal(chip, straight[:, ::-1] if view.mirrored else straight)
    total = embedder.describe(chips).sum(axis=0)
    matrix = np.load(io.BytesIO(setting.projection.read(NAME)))
    mapped = total / np.linalg.norm(total) @ matrix
    (found,) = embedder.embed(chips[None])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, mapped / np.linalg.norm(mapped), atol=1e-6)


def test_a_mirrored_photo_has_nearly_the_same_embedding(
    runtime: Runtime, astronaut_face: tuple[Image, Landmarks]
):
    """Whichever way a photo was mirrored; the landmarks change sides with it."""
    image, landmarks = astronaut_face
    points = landmarks.points[[1, 0, 2, 4, 3]] * (-1, 1) + (image.size.width - 1, 0)
    mirrored = Image.of(np.ascontiguousarray(image.pixels[:, ::-1]))
    for setting, most in ((FAST, 0.01), (BEST, 0.001)):
        embedder = DlibResNet(runtime, setting)
        chips = embedder.cut(image, landmarks)
        other = embedder.cut(mirrored, Landmarks(points.astype(np.float32)))
        rows = embedder.embed(np.stack([chips, other]))
        assert 1 - rows[0] @ rows[1] < most


def test_another_network_can_stand_behind_a_setting(embedder: DlibResNet, views: Picture):
    """As long as it describes chips as dlib's does."""
    asked = []

    def network(chips: Picture) -> np.ndarray:
        asked.append(chips.shape)
        return embedder.describe(chips)

    other = DlibEmbedder(network)
    np.testing.assert_array_equal(other.embed(views), embedder.embed(views))
    assert other.space == embedder.space
    other.embed(views[:0])
    assert asked == [(len(views) * 2, 150, 150, 3)]  # never without chips


def test_no_chips_are_no_embeddings(embedder: DlibResNet):
    none = np.empty((0, 150, 150, 3), np.uint8)
    assert embedder.embed(none[:, None].repeat(2, axis=1)).shape == (0, 128)
    assert embedder.describe(none).shape == (0, 128)


@pytest.mark.parametrize("size", [1, 3, 20, 67])
def test_the_size_of_a_batch_changes_nothing(embedder: DlibResNet, views: Picture, size: int):
    together = embedder.embed(views)
    many = np.resize(views, (max(size, 20), *views.shape[1:]))
    parts = [embedder.embed(many[at : at + size]) for at in range(0, len(many), size)]
    np.testing.assert_allclose(np.concatenate(parts)[:20], together, atol=1e-6)


def test_threads_at_once_get_the_same(embedder: DlibResNet, views: Picture):
    alone = embedder.embed(views)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(embedder.embed, [views] * 8):
            np.testing.assert_array_equal(found, alone)


def test_one_person_is_near_and_others_are_far(
    embedder: DlibResNet, chips: dict[str, Picture], views: Picture
):
    rows = dict(zip(chips, embedder.embed(views), strict=True))
    limit = measured_rates(embedder.space).distance_at(1e-4)
    for name in ("mirrored", "dark", "bright", "shifted", "tilted", "grey"):
        assert 1 - rows["aligned"] @ rows[name] < limit, name
    for name in ("small face 0", "small face 23", "small face 57", "small face 99", "cat"):
        assert 1 - rows["aligned"] @ rows[name] > limit, name


@pytest.mark.parametrize("accuracy", Accuracy)
def test_a_space_names_the_weights_and_changes_with_the_map(accuracy: Accuracy):
    """Whoever ships another map has to give its space another name."""
    setting = {Accuracy.FAST: FAST, Accuracy.BEST: BEST}[accuracy]
    assert (setting.space, setting.projection.sha256[:8]) == PINNED[accuracy]
    assert embedder_spec(embedder_for(accuracy)).space == setting.space
    assert dlib_resnet.WEIGHTS.sha256[:8] in setting.space


def test_the_first_view_is_the_standard_chip(embedder: DlibResNet):
    """Qualities are measured in it, whatever the setting."""
    assert embedder.template is BEST.views[0].template is dlib_resnet.TEMPLATE
    assert not FAST.views[0].mirrored
    assert not BEST.views[0].mirrored


def test_chips_of_another_setting_are_refused(embedder: DlibResNet, batch: Picture):
    with pytest.raises(ModelError, match=r"\(n, 2, 150, 150, 3\)"):
        embedder.embed(batch[:, None])


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
