"""How many of the labelled faces a detector found, by facesearch's evaluation package.

Any contender's boxes may be judged: they come in as numbers.
"""

from pathlib import Path

import numpy as np

from facesearch.evaluation.detection import evaluate_detection, read_boxes
from facesearch.values import Box, Detection, Landmarks

_NO_LANDMARKS = Landmarks(np.zeros((5, 2), np.float32))


def photos(files: list[str]) -> list[str]:
    """The photos that imglab files have boxes of."""
    return [str(photo.path) for file in files for photo in read_boxes(Path(file))]


def judge(
    files: list[str],
    faces: list[list[list[float]]],
    scores: list[list[float]],
    min_iou: float,
    precision: float,
) -> dict:
    """Recall and precision of the faces found, with the whole curve.

    Args:
        files: imglab files; their photos in this order were looked at.
        faces: of each photo, boxes as left, top, width, height.
        scores: of each of them.
        min_iou: from which overlap on a box is the face.
        precision: at which the recall is asked for.
    """
    labelled = [photo for file in files for photo in read_boxes(Path(file))]
    found = [
        [
            Detection(Box(*box), _NO_LANDMARKS, score)
            for box, score in zip(boxes, of_photo, strict=True)
            if box[2] > 0 and box[3] > 0
        ]
        for boxes, of_photo in zip(faces, scores, strict=True)
    ]
    result = evaluate_detection(labelled, found, min_iou=min_iou)
    return {
        "photos": result.photos,
        "true_faces": result.faces,
        "found": result.detections,
        "matched": result.matched,
        "recall": result.recall,
        "precision": result.precision,
        "average_precision": result.average_precision,
        "recall_at_precision": result.recall_at(precision),
        "curve": [[point.score, point.recall, point.precision] for point in result.curve],
    }
