"""Where dlib puts faces in the chips that its embedder was trained on."""

import importlib.util
from pathlib import Path

import dlib
import numpy as np

LANDMARKS = "models/shape_predictor_5_face_landmarks.dat"
CHIP_PX, PADDING = 150, 0.25


def _landmarks() -> str:
    spec = importlib.util.find_spec("face_recognition_models")  # importing it needs pkg_resources
    return str(Path(spec.origin).parent / LANDMARKS)


find_faces = dlib.get_frontal_face_detector()
find_landmarks = dlib.shape_predictor(_landmarks())


def chips(path: str) -> list[dict | None]:
    """Of each RGB photo of a .npz file: the centre of its face and how dlib cuts its chip.

    Returns:
        For each photo in the order of the file {"centre": [x, y], "to_chip": matrix of
        two rows and three columns, from photo pixels to chip pixels}; None where dlib
        finds no face or several.
    """
    with np.load(path) as photos:
        return [_chip(photos[name]) for name in photos.files]


def _chip(photo: np.ndarray) -> dict | None:
    faces = find_faces(photo, 1)
    if len(faces) != 1:
        return None
    face = faces[0]
    details = dlib.get_face_chip_details(find_landmarks(photo, face), CHIP_PX, PADDING)
    box, angle = details.rect, details.angle
    extent = np.array([box.right() - box.left(), box.bottom() - box.top()])
    middle = np.array([box.left(), box.top()]) + extent / 2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    scale = (CHIP_PX - 1) / extent[0]
    linear = scale * turn.T
    shift = scale * extent / 2 - linear @ middle
    return {
        "centre": [face.center().x, face.center().y],
        "to_chip": np.column_stack([linear, shift]).tolist(),
    }
