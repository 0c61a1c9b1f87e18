"""Small pictures for a report: photo paths and boxes in, JPEG data URIs out.

Photos are decoded no larger than the picture needs. Everything here may run in
several threads at once.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facesearch.values import Box, Size

if TYPE_CHECKING:
    from facesearch.values import Image

# What surrounds a face, in lengths of its box's longer side: enough to recognise the
# occasion, little enough to see the face.
_CROP_PER_FACE = 2.2
_JPEG_QUALITY = 82


@dataclass(frozen=True, slots=True)
class Picture:
    """A piece of a photo, ready to stand in a page.

    Attributes:
        data_uri: the JPEG, as ``data:image/jpeg;base64,...``.
        size: of that JPEG, in its own pixels.
        region: the piece of the photo it shows, in pixels of the upright full-size photo.
    """

    data_uri: str
    size: Size
    region: Box

    def place(self, box: Box) -> Box:
        """Where a box of the photo lies in this picture, in percent of its sides."""
        return Box(
            100 * (box.x - self.region.x) / self.region.width,
            100 * (box.y - self.region.y) / self.region.height,
            100 * box.width / self.region.width,
            100 * box.height / self.region.height,
        )


def face_picture(path: str, box: Box, *, side_px: int) -> Picture:
    """The surroundings of one face.

    Args:
        path: the photo's file.
        box: the face, in pixels of the upright full-size photo.
        side_px: longest side of the picture; small faces are not enlarged.

    Raises:
        PhotoUnreadable: the photo cannot be read any more, or not decoded.
    """
    return _picture(path, box, side_px)


def photo_picture(path: str, *, side_px: int) -> Picture:
    """A whole photo, its longer side at most `side_px`.

    Raises:
        PhotoUnreadable: the photo cannot be read or decoded.
    """
    return _picture(path, None, side_px)


def crop_region(box: Box, photo: Size) -> Box:
    """The square around a face, moved and cut so that it lies within the photo."""
    side = max(_CROP_PER_FACE * max(box.width, box.height), 1.0)
    side = min(side, photo.width, photo.height)
    x = box.x + box.width / 2 - side / 2
    y = box.y + box.height / 2 - side / 2
    return Box(
        min(max(x, 0.0), photo.width - side), min(max(y, 0.0), photo.height - side), side, side
    )


def _picture(path: str, box: Box | None, side_px: int) -> Picture:
    from facesearch.photos.decode import DecodeLimits, open_photo
    from facesearch.photos.read import read_photo

    limits = DecodeLimits()
    photo = open_photo(read_photo(path, max_bytes=limits.max_bytes).data, path, limits)
    if box is None:
        region = Box(0, 0, photo.size.width, photo.size.height)
    else:
        region = crop_region(box, photo.size)
    shrink = min(1.0, side_px / max(region.width, region.height))
    image = photo.decode(min_longer_px=math.ceil(photo.size.longer * shrink))
    return _encode(image, region, side_px)


def _encode(image: Image, region: Box, side_px: int) -> Picture:
    import PIL.Image

    scale_x = image.size.width / image.full_size.width
    scale_y = image.size.height / image.full_size.height
    left, top = round(region.x * scale_x), round(region.y * scale_y)
    right = max(left + 1, round((region.x + region.width) * scale_x))
    bottom = max(top + 1, round((region.y + region.height) * scale_y))
    piece = PIL.Image.fromarray(image.pixels[top:bottom, left:right])
    piece.thumbnail((side_px, side_px), PIL.Image.Resampling.LANCZOS)
    jpeg = io.BytesIO()
    piece.save(jpeg, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    encoded = base64.b64encode(jpeg.getvalue()).decode("ascii")
    return Picture(f"data:image/jpeg;base64,{encoded}", Size(*piece.size), region)
