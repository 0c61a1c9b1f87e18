"""The mtcnn package finding faces, with all that it says of each: box, landmarks, score."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from mtcnn import MTCNN

detector = MTCNN()


def detect(path: str) -> list[list[list[float]]]:
    """The faces of each RGB photo of a .npz file, in its order, from 20 px upward.

    (Asked for larger ones only, the package finds none at all in many photos: the number
    of its scales does not depend on where they start.)

    Each face is left, top, width, height, score, then x and y of left eye, right eye,
    nose tip, left and right mouth corner. Neither rounded nor cut off at the edges.
    """
    answers = []
    with np.load(path) as photos:
        for name in photos.files:
            found = detector.detect_faces(
                photos[name],
                output_type="numpy",
                postprocess=False,
                box_format="xyxy",
            )
            answers.append([_face(row) for row in found.tolist()])
    return answers


def _face(row: list[float]) -> list[float]:
    """From the package's row: photo, corners, score, then all x before all y."""
    _, left, top, right, bottom, score = row[:6]
    points = [at for point in zip(row[6:11], row[11:16], strict=True) for at in point]
    return [left, top, right - left, bottom - top, score, *points]
