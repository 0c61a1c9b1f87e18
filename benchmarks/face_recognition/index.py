"""A program that indexes photos with face_recognition, as its README calls it.

``python index.py --photos LIST --out FILE.npz [--processes N]``: for each photo
`load_image_file`, `face_locations`, `face_encodings`; with more processes through the
same kind of pool as the package's own command line. Prints one JSON object.
"""

import argparse
import json
import multiprocessing
from collections.abc import Iterable
from typing import TypeAlias

import face_recognition
import numpy as np

Encoded: TypeAlias = tuple[tuple[int, int], list[tuple[int, int, int, int]], list[np.ndarray]]


def encode(path: str) -> Encoded:
    """A photo's size, and the boxes (left, top, width, height) and encodings of its faces."""
    image = face_recognition.load_image_file(path)
    locations = face_recognition.face_locations(image)
    encodings = face_recognition.face_encodings(image, known_face_locations=locations)
    boxes = [(left, top, right - left, bottom - top) for top, right, bottom, left in locations]
    return (image.shape[1], image.shape[0]), boxes, encodings


def encode_all(photos: list[str], processes: int) -> Iterable[Encoded]:
    """Encode photos in order; 0 processes means all the system has."""
    if processes == 1:
        yield from map(encode, photos)
        return
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else None)
    with context.Pool(processes=processes or None) as pool:
        yield from pool.imap(encode, photos)


def main() -> None:
    """Index the photos of a list, one path a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    with open(arguments.photos, encoding="utf-8") as file:
        photos = file.read().splitlines()
    sizes, boxes, vectors, owners = [], [], [], []
    for number, (size, found, encodings) in enumerate(encode_all(photos, arguments.processes)):
        sizes.append(size)
        boxes.extend(found)
        vectors.extend(encodings)
        owners.extend([number] * len(encodings))
    np.savez(
        arguments.out,
        sizes=np.array(sizes, dtype=np.int64).reshape(-1, 2),
        boxes=np.array(boxes, dtype=np.int64).reshape(-1, 4),
        vectors=np.array(vectors, dtype=np.float64).reshape(-1, 128),
        owners=np.array(owners, dtype=np.int64),
    )
    print(json.dumps({"photos": len(photos), "faces": len(owners)}))


if __name__ == "__main__":
    main()
