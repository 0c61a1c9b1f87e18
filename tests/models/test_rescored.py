"""Detectors of all families give scores that mean the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import skimage.data

from facesearch.models.base import DetectorOptions
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.onnx import Runtime
from facesearch.models.rescored import RescoredDetector
from facesearch.values import Box, Image

PORTRAIT = Image.of(skimage.data.astronaut())
COFFEE = Image.of(skimage.data.coffee())


@pytest.fixture(scope="module")
def mtcnn():
    return Mtcnn(Runtime.on(), DetectorOptions())


class Confident:
    """Finds what MTCNN finds, and is as sure of a cup of coffee."""

    key = "confident@1"
    wanted_longer_px = 640

    def __init__(self, mtcnn):
        (self.face,) = mtcnn.detect([PORTRAIT])[0]

    def detect(self, images):
        somewhere = Box(100, 100, 120, 120)
        return [
            (replace(self.face, score=0.5),)
            if image is PORTRAIT
            else (replace(self.face, box=somewhere, score=1.0),)
            for image in images
        ]


def test_faces_keep_their_place_and_get_mtcnns_score(mtcnn):
    confident = Confident(mtcnn)
    detector = RescoredDetector(confident, mtcnn)
    (face,), (cup,) = detector.detect([PORTRAIT, COFFEE])
    assert face.box == confident.face.box
    assert np.array_equal(face.landmarks.points, confident.face.landmarks.points)
    assert face.score > 0.99
    assert cup.score < 0.5


def test_no_face_stays_no_face(mtcnn):
    class Blind(Confident):
        def detect(self, images):
            return [()] * len(images)

    assert RescoredDetector(Blind(mtcnn), mtcnn).detect([PORTRAIT]) == [()]


def test_what_it_is_stays_that_of_the_detector(mtcnn):
    detector = RescoredDetector(Confident(mtcnn), mtcnn)
    assert (detector.key, detector.wanted_longer_px) == ("confident@1", 640)
