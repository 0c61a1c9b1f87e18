"""dlib's own network against the default embedder, which is it rebuilt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skimage.data

from facesearch.errors import ModelError, PackageMissing
from facesearch.models.base import Device, Engine
from facesearch.models.catalogue import embedder_of_space, embedder_spec
from facesearch.models.deepface import dlib_network
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.engines import runtime_on
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.requirements import Requirement
from facesearch.values import Image

pytest.importorskip("dlib", reason="dlib is not installed (pip install dlib-bin)")


@pytest.fixture(scope="module")
def by_dlib():
    spec = embedder_spec("deepface:Dlib")
    assert spec.engine is Engine.NATIVE
    return spec.load(runtime_on(spec.engine, Device.AUTO))


@pytest.fixture(scope="module")
def views(by_dlib, detector: Mtcnn):
    """Chips of a real face, as it is and smaller."""
    photo = np.array(skimage.data.astronaut())
    images = [Image.of(photo), Image.of(np.ascontiguousarray(photo[::2, ::2]))]
    faces = detector.detect(images)
    return np.stack(
        [by_dlib.cut(image, face.landmarks) for image, (face,) in zip(images, faces, strict=True)]
    )


def test_embeddings_are_those_of_the_default_embedder(by_dlib, embedder: DlibResNet, views):
    found = by_dlib.embed(views)
    np.testing.assert_allclose(found, embedder.embed(views), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert by_dlib.space == embedder.space == embedder_spec("deepface:Dlib").space
    assert (by_dlib.views, by_dlib.template) == (embedder.views, embedder.template)


def test_its_space_belongs_to_the_default_embedder(by_dlib):
    """What looks a space up gets the quick one."""
    spec = embedder_of_space(by_dlib.space)
    assert spec is not None
    assert spec.engine is Engine.ONNX


def test_threads_at_once_get_the_same(by_dlib, views):
    alone = by_dlib.embed(views[:1])
    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(by_dlib.embed, [views[:1]] * 3):
            np.testing.assert_array_equal(found, alone)


def test_no_chips_are_no_embeddings(by_dlib, views):
    assert by_dlib.embed(views[:0]).shape == (0, 128)


@pytest.mark.parametrize(
    "chips", [np.zeros((1, 150, 149, 3), np.uint8), np.zeros((1, 150, 150, 3), np.float32)]
)
def test_other_chips_are_refused(by_dlib, chips):
    with pytest.raises(ModelError, match="takes uint8 chips"):
        by_dlib.describe(chips)


def test_without_dlib_the_command_is_given(monkeypatch: pytest.MonkeyPatch):
    gone = Requirement("no_dlib_here", "dlib", "pip install dlib-bin")
    monkeypatch.setattr(dlib_network, "DLIB", gone)
    with pytest.raises(PackageMissing, match="`pip install dlib-bin`"):
        dlib_network.dlib_embedder()
