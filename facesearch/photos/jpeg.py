"""JPEG photos: header in a few microseconds, pixels by OpenCV, whole or at reduced scale.

In come the bytes of a JPEG file, out go its header and upright RGB images.
OpenCV decodes ordinary photos twice as fast as Pillow; what it does not decode
rightly (CMYK, no end marker) goes through Pillow. Neither tells a picture with
missing data from a whole one, so `jpeg_check` does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from facesearch.errors import PhotoUnreadable, UnreadableReason
from facesearch.opencv import cv2
from facesearch.photos import jpeg_check
from facesearch.photos.orientation import UPRIGHT, exif_orientation, upright, upright_size
from facesearch.photos.sniff import PhotoFormat
from facesearch.values import ByteArray, Image, Size

# OpenCV spells "reduced and RGB" as the reduced grey flag plus the RGB flag.
_FLAGS = {
    1: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4 | cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION,
}
_OPENCV_MAX_PIXELS = 1 << 30  # above, OpenCV refuses and says so on standard error

_START_OF_SCAN, _END_OF_IMAGE, _RESTART_INTERVAL, _APP1 = 0xDA, 0xD9, 0xDD, 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_EXIF = b"Exif\x00\x00"


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What stands before a JPEG file's first scan.

    Attributes:
        size: as stored, before orientation.
        process: the frame marker's second byte; 0xC0 baseline, 0xC2 progressive.
        precision: bits per sample.
        sampling: horizontal and vertical sampling factor per component.
        scan_components: how many components the first scan holds.
        orientation: EXIF orientation, 1 to 8.
        scan: offset of the first byte of the first scan's coded data.
        restart_interval: MCUs between restart markers; 0 without them.
    """

    size: Size
    process: int
    precision: int
    sampling: tuple[tuple[int, int], ...]
    scan_components: int
    orientation: int
    scan: int
    restart_interval: int

    @property
    def is_one_scan(self) -> bool:
        """Whether all of the picture is coded in one sequential, Huffman-coded scan."""
        return self.process in (0xC0, 0xC1) and self.scan_components == len(self.sampling)

    @property
    def mcu_count(self) -> int:
        """How many coded units (MCUs) the picture has where it is one scan."""
        if len(self.sampling) == 1:
            wide = high = 8
        else:
            wide = 8 * max(across for across, _ in self.sampling)
            high = 8 * max(down for _, down in self.sampling)
        return math.ceil(self.size.width / wide) * math.ceil(self.size.height / high)


def parse_header(data: bytes, name: str) -> JpegHeader:
    """Read a JPEG file's header.

    Raises:
        PhotoUnreadable: DAMAGED: it ends too early or makes no sense.
    """
    size: Size | None = None
    process = precision = restart_interval = 0
    sampling: tuple[tuple[int, int], ...] = ()
    orientation: int | None = None
    at = 2
    try:
        while True:
            at = data.find(b"\xff", at)
            if at < 0:
                _damaged(name, "the JPEG ends within its header")
            while data[at] == 0xFF:  # any number of them may fill the gap
                at += 1
            marker = data[at]
            at += 1
            if marker == 0 or marker in _NO_LENGTH:
                continue
            if marker == _END_OF_IMAGE:
                _damaged(name, "the JPEG ends before its picture begins")
            length = data[at] << 8 | data[at + 1]
            body = at + 2
            at += length
            if marker in _FRAMES and size is None:
                height = data[body + 1] << 8 | data[body + 2]
                width = data[body + 3] << 8 | data[body + 4]
                if not width or not height:
                    _damaged(name, f"the JPEG states a size of {width}x{height} pixels")
                size, process, precision = Size(width, height), marker, data[body]
                factors = [data[body + 7 + 3 * index] for index in range(data[body + 5])]
                sampling = tuple((factor >> 4, factor & 15) for factor in factors)
            elif marker == _APP1 and orientation is None and data.startswith(_EXIF, body):
                orientation = exif_orientation(data[body:at])
            elif marker == _RESTART_INTERVAL:
                restart_interval = data[body] << 8 | data[body + 1]
            elif marker == _START_OF_SCAN:
                if size is None:
                    _damaged(name, "the JPEG's picture begins without a size")
                return JpegHeader(
                    size=size,
                    process=process,
                    precision=precision,
                    sampling=sampling,
                    scan_components=data[body],
                    orientation=UPRIGHT if orientation is None else orientation,
                    scan=at,
                    restart_interval=restart_interval,
                )
    except IndexError as error:
        raise PhotoUnreadable(
            name, UnreadableReason.DAMAGED, "the JPEG ends within its header"
        ) from error


@dataclass(slots=True)
class JpegPhoto:
    """A JPEG file, header parsed, not decoded; may be decoded by several threads at once."""

    name: str
    data: bytes = field(repr=False)
    header: JpegHeader
    _is_known_whole: bool = field(default=False, init=False, repr=False)

    @property
    def size(self) -> Size:
        """Upright full size."""
        return upright_size(self.header.size, self.header.orientation)

    @property
    def format(self) -> str:
        """Always "JPEG"."""
        return PhotoFormat.JPEG.value

    def decode(self, *, min_longer_px: int | None = None) -> Image:
        """Decode as `facesearch.photos.decode.PhotoData.decode` says."""
        reduction = reduction_for(self.size.longer, min_longer_px)
        is_checked = self._is_known_whole
        if not is_checked:
            self._stop_at(jpeg_check.structural_damage(self.data, self.header))
        pixels = self._by_opencv(reduction)
        if pixels is None:
            pixels = self._by_pillow(reduction)
        stored = self.header.size
        expected = (math.ceil(stored.height / reduction), math.ceil(stored.width / reduction), 3)
        if pixels.shape != expected:
            _damaged(self.name, f"its header states {expected}, its picture has {pixels.shape}")
        if not is_checked:
            ends_grey = pixels[-1, -1].tobytes() in jpeg_check.FILLED
            self._stop_at(jpeg_check.picture_damage(self.data, self.header, ends_grey=ends_grey))
            self._is_known_whole = True
        # The last column and row may stand for a fraction of a pixel of this scale. Keeping
        # them only from a half upward, the array covers the photo to half of its pixels.
        pixels = pixels[
            : reduced_px(stored.height, reduction), : reduced_px(stored.width, reduction)
        ]
        return Image(upright(pixels, self.header.orientation), self.size)

    def _stop_at(self, damage: str | None) -> None:
        if damage is not None:
            _damaged(self.name, damage)

    def _by_opencv(self, reduction: int) -> ByteArray | None:
        header = self.header
        if (
            len(header.sampling) not in (1, 3)
            or header.precision != 8
            or header.size.pixels > _OPENCV_MAX_PIXELS
            or not jpeg_check.has_end_marker(self.data, header)
        ):
            return None
        try:
            decoded = cv2.imdecode(np.frombuffer(self.data, np.uint8), _FLAGS[reduction])
        except cv2.error:
            return None  # Pillow has the last word: it decodes, or says what is wrong
        return None if decoded is None else np.asarray(decoded, dtype=np.uint8)

    def _by_pillow(self, reduction: int) -> ByteArray:
        from facesearch.photos import raster

        if self.header.precision != 8:
            raise PhotoUnreadable(
                self.name,
                UnreadableReason.UNSUPPORTED,
                f"a JPEG of {self.header.precision} bits per colour is not supported",
            )
        data = self.data
        if not jpeg_check.has_end_marker(data, self.header):
            data += jpeg_check.END_MARKER
        return raster.decode_jpeg(data, self.name, reduction)


def open_jpeg(data: bytes, name: str) -> JpegPhoto:
    """Open a JPEG file: parse its header.

    Raises:
        PhotoUnreadable: DAMAGED.
    """
    return JpegPhoto(name, data, parse_header(data, name))


def reduction_for(longer_px: int, min_longer_px: int | None) -> int:
    """The strongest of the reductions 8, 4, 2 and 1 that leaves a longer side long enough."""
    if min_longer_px is not None:
        for reduction in (8, 4, 2):
            if reduced_px(longer_px, reduction) >= min_longer_px:
                return reduction
    return 1


def reduced_px(full_px: int, reduction: int) -> int:
    """The length of a side at reduced scale: rounded to the nearest, at least 1."""
    return max(1, (full_px + reduction // 2) // reduction)


def _damaged(name: str, detail: str) -> NoReturn:
    raise PhotoUnreadable(name, UnreadableReason.DAMAGED, detail)
