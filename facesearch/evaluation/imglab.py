"""Face boxes as dlib's labelling tool imglab writes them.

In: an XML file and the folder its photos lie in. Out: photos, each with its true boxes.
Everything is checked while reading, so that a slip of the pen is found before an hour
of detection, and named by file and line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from facesearch.errors import InvalidValue
from facesearch.photos.files import printable, words_for
from facesearch.values import Box, Size

_LARGEST_NUMBER = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A photo and where its faces are.

    Attributes:
        path: the photo file.
        boxes: its true faces, in pixels of the upright full-size photo.
        ignored: faces that count neither as missed nor as found wrongly, such as
            blurred ones in the background (``ignore='1'`` in the file).
        size: width and height as the file states them; None where it does not.
    """

    path: Path
    boxes: tuple[Box, ...]
    ignored: tuple[Box, ...] = ()
    size: Size | None = None


@dataclass(slots=True)
class _Open:
    """An <image> that is being read, and the line it began in."""

    file: str
    line: int
    size: Size | None
    boxes: list[Box] = field(default_factory=list)
    ignored: list[Box] = field(default_factory=list)


def read_boxes(xml: Path, *, folder: Path | None = None) -> list[LabelledPhoto]:
    """The photos of an imglab file, in its order. A photo without a box shows no face.

    Args:
        xml: such as dlib's ``examples/faces/training.xml``.
        folder: where the photos lie; the file's own folder unless said otherwise.

    Raises:
        InvalidValue: the file cannot be read, is no such file, names a photo twice or
            one that is not there, or holds a box without area or outside its photo.
            The message names file and line.
    """
    shown = printable(str(xml))
    try:
        data = xml.read_bytes()
    except OSError as error:
        raise InvalidValue(
            f"cannot read {shown}: {words_for(error)}; "
            "give the file of boxes that dlib's imglab wrote"
        ) from error
    reader = _Reader(shown, folder if folder is not None else xml.parent)
    return reader.read(data)


class _Reader:
    """Goes through one file, element by element."""

    def __init__(self, shown: str, folder: Path) -> None:
        self._shown = shown
        self._folder = folder
        self._photos: list[LabelledPhoto] = []
        self._lines: dict[str, int] = {}
        self._image: _Open | None = None
        self._depth = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def read(self, data: bytes) -> list[LabelledPhoto]:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise InvalidValue(
                f"{self._shown}, line {error.lineno}: it is not well-formed XML "
                f"({expat.ErrorString(error.code)}); save it again with imglab or mend that line"
            ) from error
        if not self._photos:
            raise InvalidValue(
                f"{self._shown} names no photo; an imglab file has <image file='...'> elements "
                "with <box top= left= width= height=/> in them"
            )
        return self._photos

    def _start(self, name: str, given: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name != "dataset":
            raise self._wrong(f"it begins with <{name}>, an imglab file begins with <dataset>")
        if name == "image":
            self._open(given)
        elif name == "box":
            self._add(given)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "image" and self._image is not None:
            image, self._image = self._image, None
            self._photos.append(
                LabelledPhoto(
                    self._folder / image.file,
                    tuple(image.boxes),
                    tuple(image.ignored),
                    image.size,
                )
            )

    def _open(self, given: Mapping[str, str]) -> None:
        if self._image is not None:
            raise self._wrong("an <image> within an <image>")
        file = given.get("file", "").replace("\\", "/")  # imglab on Windows writes backslashes
        if not file:
            raise self._wrong("an <image> without file=")
        named = printable(file)
        if file in self._lines:
            raise self._wrong(f"{named} was named in line {self._lines[file]} before")
        if not (self._folder / file).is_file():
            raise self._wrong(f"there is no photo {named} in {printable(str(self._folder))}")
        self._lines[file] = self._parser.CurrentLineNumber
        size = None
        if "width" in given and "height" in given:
            width, height = self._number(given, "width"), self._number(given, "height")
            if width < 1 or height < 1:
                raise self._wrong(f"{named} cannot be {width} x {height} pixels")
            size = Size(width, height)
        self._image = _Open(file, self._parser.CurrentLineNumber, size)

    def _add(self, given: Mapping[str, str]) -> None:
        image = self._image
        if image is None:
            raise self._wrong("a <box> outside of an <image>")
        left, top, width, height = (
            self._number(given, side) for side in ("left", "top", "width", "height")
        )
        if width < 1 or height < 1:
            raise self._wrong(f"a box of {printable(image.file)} is {width} x {height} pixels")
        box = Box(left, top, width, height)
        if image.size is not None and not reaches_into(box, image.size):
            raise self._wrong(
                f"a box of {printable(image.file)} lies outside of its "
                f"{image.size.width} x {image.size.height} pixels"
            )
        (image.ignored if given.get("ignore") == "1" else image.boxes).append(box)

    def _number(self, given: Mapping[str, str], name: str) -> int:
        text = given.get(name, "")
        try:
            number = int(text)
        except ValueError as error:
            raise self._wrong(f"{name}={text!r} is not a whole number") from error
        if abs(number) > _LARGEST_NUMBER:
            raise self._wrong(f"{name}={text!r} is out of range")
        return number

    def _wrong(self, what: str) -> InvalidValue:
        line = self._parser.CurrentLineNumber
        return InvalidValue(f"{self._shown}, line {line}: {what}; mend that line and run it again")


def reaches_into(box: Box, size: Size) -> bool:
    """Whether any of a box lies within a photo of that size."""
    return (
        box.x < size.width and box.y < size.height and box.x + box.width > 0
    ) and box.y + box.height > 0
