"""Chips of real faces, and the export of what a recipe builds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from facesearch.models.dlib_resnet import TEMPLATE
from facesearch.models.keras_export import ExportReport, export_onnx
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.onnx import Device, Runtime
from facesearch.models.preprocessing import Layout, Number, Preprocessing
from facesearch.opencv import cv2
from facesearch.training.recipes.base import BuiltNetwork
from facesearch.values import ByteArray, Image


@pytest.fixture(scope="session")
def face_chips(own_home: Path) -> ByteArray:
    """One face at five scales and their mirror images, uint8 (10, 150, 150, 3), RGB."""
    image = Image.of(skimage.data.astronaut())
    ((face,),) = Mtcnn(Runtime.on(Device.CPU)).detect([image])
    scales = (0.6, 0.8, 1.0, 1.2, 1.5)
    cut = [TEMPLATE.scaled(scale).cut(image, face.landmarks) for scale in scales]
    return np.stack([*cut, *(chip[:, ::-1] for chip in cut)])


@pytest.fixture(scope="session")
def chips_of(face_chips: ByteArray) -> Callable[[int], ByteArray]:
    """The same chips at another size."""

    def resized(px: int) -> ByteArray:
        return np.stack([cv2.resize(chip, (px, px), interpolation=3) for chip in face_chips])

    return resized


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[BuiltNetwork, ByteArray], ExportReport]:
    """Writes a network's embedding as ONNX; it fails where the two differ on the chips."""

    def export(built: BuiltNetwork, chips: ByteArray) -> ExportReport:
        px = chips.shape[1]
        fed = Preprocessing(width_px=px, height_px=px, layout=Layout.NHWC, number=Number.UINT8)
        return export_onnx(built.embedding, tmp_path / "network.onnx", fed, chips=chips)

    return export
