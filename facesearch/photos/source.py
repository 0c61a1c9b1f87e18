"""Whatever an application has of a photo, opened the same way.

In comes a path, encoded bytes, a binary file object, a Pillow image or an array;
out go a `PhotoData` and the words that describe the photo in answers.
"""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue, PhotoNotFound, PhotoUnreadable, UnreadableReason
from facesearch.photos.decode import DecodeLimits, PhotoData, check_pixels, open_photo
from facesearch.photos.files import printable
from facesearch.photos.read import Readable, read_photo, read_stream
from facesearch.photos.walk import root_path
from facesearch.values import Image, Size

if TYPE_CHECKING:
    import PIL.Image as pillow

PhotoSource: TypeAlias = (
    "str | os.PathLike[str] | os.PathLike[bytes] | bytes | bytearray | memoryview"
    " | Readable | pillow.Image | NDArray[np.uint8]"
)
"""A path; an encoded photo as bytes or as a binary file object; pixels as a Pillow
image or as an array."""

_EXPECTED = (
    "a photo is given as a path, as encoded bytes, as a binary file object, as a Pillow image "
    "or as a uint8 array of shape (height, width, 3)"
)


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A photo that came as pixels: a `PhotoData` with nothing left to decode."""

    image: Image
    format: str

    @property
    def size(self) -> Size:
        """Upright full size."""
        return self.image.full_size

    def decode(self, *, min_longer_px: int | None = None) -> Image:
        """The picture, always at full size."""
        return self.image


def open_source(source: PhotoSource, limits: DecodeLimits) -> tuple[PhotoData, str]:
    """Open a photo, whatever it comes as.

    Args:
        source: a path, a `bytes`-like object with an encoded photo (never a path), a
            binary file object (read from where it stands, left open), a Pillow
            image (its EXIF orientation is applied) or an array as for `from_array`.

    Returns:
        The photo, and what to call it: its absolute path, or "<bytes>" and the like.

    Raises:
        PhotoNotFound: a path that names nothing.
        PhotoUnreadable: with the reason.
        InvalidValue: none of these things.
    """
    if isinstance(source, str | os.PathLike):
        return _from_path(source, limits)
    if isinstance(source, bytes | bytearray | memoryview):
        return open_photo(bytes(source), "<bytes>", limits), "<bytes>"
    if isinstance(source, np.ndarray):
        return from_array(source), "<array>"
    if _is_pillow_image(source):
        return from_pil(source, limits)
    if callable(getattr(source, "read", None)):
        return _from_file(cast(Readable, source), limits)
    raise InvalidValue(f"{_EXPECTED}, not as {type(source).__name__}")


def from_array(array: NDArray[Any]) -> DecodedPhoto:
    """A photo from pixels: uint8, RGB of shape (height, width, 3), or grey of shape
    (height, width), or RGBA of shape (height, width, 4), which is laid on white. Copied.

    Raises:
        InvalidValue: another shape or dtype.
    """
    shape = array.shape
    is_picture = len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))
    if array.dtype != np.uint8 or not is_picture or 0 in shape:
        raise InvalidValue(
            "an array with a photo is uint8 RGB of shape (height, width, 3), or grey "
            "(height, width), or RGBA (height, width, 4), with values from 0 to 255, "
            f"not {array.dtype} of shape {shape}"
        )
    if len(shape) == 2:
        return DecodedPhoto(Image.of(np.repeat(array[:, :, None], 3, axis=2)), "array")
    if shape[2] == 4:
        from facesearch.photos.pixels import on_white

        return DecodedPhoto(Image.of(on_white(array)), "array")
    return DecodedPhoto(Image.of(np.array(array, order="C")), "array")


def from_pil(picture: pillow.Image, limits: DecodeLimits) -> tuple[DecodedPhoto, str]:
    """A photo from a Pillow image of any mode, its EXIF orientation applied, and its name.

    The image is loaded, as any use of it would, and otherwise left as it is.

    Raises:
        PhotoUnreadable: TOO_LARGE, or DAMAGED where its file is.
    """
    from facesearch.photos.orientation import checked_orientation, upright
    from facesearch.photos.pixels import to_rgb
    from facesearch.photos.raster import decoder_errors

    file_name = getattr(picture, "filename", "")
    name = printable(root_path(file_name)) if file_name else "<Pillow image>"
    if 0 in picture.size:
        raise InvalidValue(f"a picture has at least 1x1 pixels, not {picture.size}")
    check_pixels(name, Size(*picture.size), limits)
    with decoder_errors(name, picture.format or "picture"):
        picture.load()
        orientation = checked_orientation(picture.getexif().get(0x0112))
        pixels = upright(to_rgb(picture), orientation)
    return DecodedPhoto(Image.of(pixels), "Pillow"), name


def _from_path(source: str | os.PathLike[Any], limits: DecodeLimits) -> tuple[PhotoData, str]:
    path = root_path(source)
    try:
        data = read_photo(path, max_bytes=limits.max_bytes).data
    except PhotoUnreadable as error:
        if error.reason is UnreadableReason.VANISHED:
            raise PhotoNotFound(error.photo, f"no such photo: {error.photo}") from error
        raise
    return open_photo(data, path, limits), printable(path)


def _from_file(source: Readable, limits: DecodeLimits) -> tuple[PhotoData, str]:
    file_name = getattr(source, "name", None)
    name = f"<file {printable(file_name)}>" if isinstance(file_name, str | bytes) else "<file>"
    if isinstance(source, io.TextIOBase):
        raise InvalidValue(f"{name} is open as text: open it in binary mode, with 'rb'")
    try:
        data = read_stream(source, name, max_bytes=limits.max_bytes)
    except TypeError as error:
        raise InvalidValue(f"{_EXPECTED}; {name} is no binary file: {error}") from error
    return open_photo(data, name, limits), name


def _is_pillow_image(source: object) -> TypeGuard[pillow.Image]:
    module = sys.modules.get("PIL.Image")  # whoever has a Pillow image has loaded Pillow
    return module is not None and isinstance(source, module.Image)
