"""The pictures that golden answers were made from, the same on every machine.

Goes out: chips for the embedder and pictures for the detector, uint8 RGB, cut from
scikit-image's photographs by numpy alone, so that no library's way of resizing matters.
benchmarks/golden.py shows them to the original networks; the tests show them to ours.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import skimage.data
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

CHIP_PX = 150
# The face of astronaut(): the point between eyes and mouth, its tilt, and how many of its
# pixels one chip pixel covers when the face lies where the embedder wants it.
FACE_CENTRE = (224.2, 122.0)
FACE_TILT = math.radians(2.8)
FACE_STEP = 0.775


def sampled(
    picture: Picture,
    *,
    size: tuple[int, int],
    step: float,
    centre: tuple[float, float],
    angle: float = 0.0,
) -> Picture:
    """A picture of (width, height) `size`, sampled bilinearly, black where there is nothing.

    Args:
        step: pixels of `picture` from one pixel of the result to the next.
        centre: x and y in `picture` of the middle of the result.
        angle: radians; a face tilted clockwise by as much comes out upright.
    """
    u, v = np.meshgrid(
        np.arange(size[0]) - (size[0] - 1) / 2, np.arange(size[1]) - (size[1] - 1) / 2
    )
    x = centre[0] + step * (math.cos(angle) * u - math.sin(angle) * v)
    y = centre[1] + step * (math.sin(angle) * u + math.cos(angle) * v)
    framed = np.pad(picture.astype(np.float64), [(1, 1), (1, 1), (0, 0)])
    x = np.clip(x + 1, 0, framed.shape[1] - 1.001)
    y = np.clip(y + 1, 0, framed.shape[0] - 1.001)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right_share, low_share = (x - left)[..., None], (y - top)[..., None]
    upper = framed[top, left] * (1 - right_share) + framed[top, left + 1] * right_share
    lower = framed[top + 1, left] * (1 - right_share) + framed[top + 1, left + 1] * right_share
    return np.round(upper * (1 - low_share) + lower * low_share).astype(np.uint8)


def shrunk(picture: Picture, factor: int) -> Picture:
    """Averages over squares of `factor` pixels."""
    height, width = picture.shape[0] // factor, picture.shape[1] // factor
    squares = picture[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
    return np.round(squares.mean(axis=(1, 3))).astype(np.uint8)


def enlarged(picture: Picture, factor: int) -> Picture:
    """Each pixel `factor` times in both directions."""
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def small_faces() -> list[Picture]:
    """The 100 faces of 25x25 pixels in scikit-image, grey as RGB."""
    grey = np.round(skimage.data.lfw_subset()[:100] * 255).astype(np.uint8)
    return [np.repeat(face[:, :, None], 3, axis=2) for face in grey]


def astronaut_chip(
    *, shift: tuple[float, float] = (0.0, 0.0), zoom: float = 1.0, tilt: float = 0.0
) -> Picture:
    """The face of astronaut(), upright in a chip, or moved, enlarged and turned from there."""
    return sampled(
        skimage.data.astronaut(),
        size=(CHIP_PX, CHIP_PX),
        step=FACE_STEP / zoom,
        centre=(FACE_CENTRE[0] + shift[0], FACE_CENTRE[1] + shift[1]),
        angle=FACE_TILT + tilt,
    )


def chips() -> dict[str, Picture]:
    """Chips of 150x150 pixels by name: faces as they come, turned, spoilt, and no faces."""
    face = astronaut_chip()
    rows, columns = np.mgrid[:CHIP_PX, :CHIP_PX]
    pattern = np.stack([(rows * a + columns * b) % 256 for a, b in ((7, 13), (5, 3), (11, 2))], 2)
    others = small_faces()
    return {
        "aligned": face,
        "mirrored": np.ascontiguousarray(face[:, ::-1]),
        "upside down": np.ascontiguousarray(face[::-1]),
        "dark": face // 3,
        "bright": np.minimum(face.astype(np.int64) + 70, 255).astype(np.uint8),
        "pale": face // 2 + 90,
        "shifted": astronaut_chip(shift=(7.5, -4.25)),
        "near": astronaut_chip(zoom=1.3),
        "far": astronaut_chip(zoom=0.6),
        "tilted": astronaut_chip(tilt=0.25),
        "grey": np.repeat(face.mean(axis=2).astype(np.uint8)[:, :, None], 3, axis=2),
        "blue for red": np.ascontiguousarray(face[:, :, ::-1]),
        **{f"small face {number}": enlarged(others[number], 6) for number in (0, 23, 57, 99)},
        "cat": np.ascontiguousarray(skimage.data.chelsea()[60:210, 140:290]),
        "black": np.zeros((CHIP_PX, CHIP_PX, 3), np.uint8),
        "white": np.full((CHIP_PX, CHIP_PX, 3), 255, np.uint8),
        "pattern": pattern.astype(np.uint8),
    }


def pictures() -> dict[str, Picture]:
    """Pictures by name: one face in many sizes and positions, several faces, and none."""
    photo = skimage.data.astronaut()
    middle = (255.5, 255.5)
    scaled = {
        f"astronaut at {width} px": sampled(
            photo, size=(width, width), step=512 / width, centre=middle
        )
        for width in (200, 333, 700)
    }
    turned = {
        f"astronaut turned by {degrees} degrees": sampled(
            photo, size=(512, 512), step=1.0, centre=middle, angle=math.radians(degrees)
        )
        for degrees in (-25, -10, 10, 25)
    }
    head = photo[20:230, 120:330]
    montage = np.full((480, 640, 3), 127, np.uint8)
    for left, top, part in (
        (10, 10, head),
        (230, 10, head[:, ::-1]),
        (450, 30, shrunk(head, 2)),
        (450, 160, shrunk(head, 2)[:, ::-1]),
        (20, 240, sampled(head, size=(150, 150), step=1.4, centre=(104.5, 104.5), angle=0.2)),
        (180, 240, sampled(head, size=(150, 150), step=1.4, centre=(104.5, 104.5), angle=-0.2)),
        (340, 240, sampled(head, size=(280, 210), step=0.9, centre=(104.5, 104.5))),
        (20, 400, shrunk(head, 3)),
        (120, 400, shrunk(head, 4)),
    ):
        montage[top : top + part.shape[0], left : left + part.shape[1]] = part
    others = small_faces()
    tiled = np.concatenate(
        [
            np.concatenate([enlarged(f, 3) for f in others[row : row + 6]], axis=1)
            for row in (0, 6, 12, 18)
        ]
    )
    grey = skimage.data.camera()
    return {
        "astronaut": photo,
        "astronaut mirrored": np.ascontiguousarray(photo[:, ::-1]),
        "astronaut halved": shrunk(photo, 2),
        "astronaut doubled": enlarged(photo[:300, 100:400], 2),
        "astronaut dark": photo // 4,
        "astronaut upside down": np.ascontiguousarray(photo[::-1]),
        "astronaut cut off": np.ascontiguousarray(photo[90:400, 190:500]),
        **scaled,
        **turned,
        "montage": montage,
        "small faces": tiled,
        "coffee": skimage.data.coffee(),
        "cat": skimage.data.chelsea(),
        "camera": np.repeat(grey[:, :, None], 3, axis=2),
        "rocket": skimage.data.rocket(),
    }


def digest(picture: Picture) -> str:
    """Whether a picture is the one a golden answer was made from."""
    return hashlib.sha256(str(picture.shape).encode() + picture.tobytes()).hexdigest()[:16]
