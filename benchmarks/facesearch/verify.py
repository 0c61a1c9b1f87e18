"""The faces and embeddings of photos, through the public library interface."""

import tempfile

import numpy as np

from facesearch import FaceLibrary, LibraryOptions
from facesearch.errors import NoFaceFound


def embed_photos(photos: list[str], out: str, model: str | None = None) -> int:
    """Write the faces of each photo and their embeddings, made as for the index, to a .npz file."""
    sizes, boxes, vectors, owners = [], [], [], []
    options = LibraryOptions(embedder=model)
    with (
        tempfile.TemporaryDirectory() as folder,
        FaceLibrary.open(folder, options=options) as library,
    ):
        for number, path in enumerate(photos):
            sizes.append(_size(path))
            try:
                faces = library.embed(path)
            except NoFaceFound:
                continue
            for detection, embedding in faces:
                box = detection.box
                boxes.append((box.x, box.y, box.width, box.height))
                vectors.append(embedding.vector)
                owners.append(number)
    np.savez(
        out,
        sizes=np.array(sizes, dtype=np.int64).reshape(-1, 2),
        boxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        vectors=np.array(vectors, dtype=np.float32),
        owners=np.array(owners, dtype=np.int64),
    )
    return len(owners)


def _size(path: str) -> tuple[int, int]:
    import PIL.Image

    with PIL.Image.open(path) as picture:
        return picture.size
