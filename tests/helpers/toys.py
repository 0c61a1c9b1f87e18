"""Toy models that come in through the same door as real ones, and photos they see faces in.

A toy photo says in its first row of pixels where its faces are: a mark and the number
of faces, then for each face its place and its colour. The detector reads that, the
embedder turns the colour in the middle of a chip into a vector: faces of one colour are one
person, and similar colours are near. Works in processes of its own too: `install()`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from facesearch import quality
from facesearch.errors import NoEmbedding
from facesearch.indexing import Tools
from facesearch.library import LibraryOptions
from facesearch.models import catalogue
from facesearch.models.align import ChipTemplate
from facesearch.models.base import DetectorOptions
from facesearch.photos.decode import DecodeLimits
from facesearch.values import Box, Detection, Image, Landmarks

SPACE = "toy@1:square"
DIMENSION = 4
MAX_DISTANCE = 0.001
OTHER, OTHER_SPACE, OTHER_DIMENSION = "toy-other", "toy-other@1:square", 6
RED, GREEN, BLUE, WHITE = (250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 250)

_MARK = (1, 2, 3)
_PLACES = np.array([(0.25, 0.25), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75), (0.75, 0.75)])
_TEMPLATE = ChipTemplate("square", 8, (_PLACES * 8).astype(np.float32))
_FACE_PX = 20

Colour = tuple[int, int, int]


def draw(*colours: Colour, number: int = 0, side: int = 96) -> PIL.Image.Image:
    """A toy photo with one face per colour, the first one largest; `number` makes it unique."""
    pixels = np.full((side, side, 3), 128, np.uint8)
    pixels[-1, :4] = np.frombuffer(number.to_bytes(12, "little"), np.uint8).reshape(4, 3)
    pixels[0, 0], pixels[0, 1] = _MARK, (len(colours), 0, 0)
    across = (side - 2) // (_FACE_PX + 2)
    for row, colour in enumerate(colours):
        size = _FACE_PX if row == 0 else _FACE_PX - 4
        # Where there are more faces than room, they lie on each other: the last is on top.
        x = 1 + (row % across) * (_FACE_PX + 2)
        y = 1 + (row // across % across) * (_FACE_PX + 2)
        pixels[0, 2 + 2 * row], pixels[0, 3 + 2 * row] = (x, y, size), colour
        pixels[y : y + size, x : x + size] = colour
    return PIL.Image.fromarray(pixels)


def photo(path: Path, *colours: Colour, number: int = 0, side: int = 96) -> Path:
    """The same as a file; PNG whatever its name says, since colours must stay as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(*colours, number=number, side=side).save(path, "PNG", compress_level=1)
    return path


def album(folder: Path, count: int, *, first: int = 0, colours: Sequence[Colour] = (RED,)) -> None:
    """Photos p000.png, p001.png, ..., all different, each with one face."""
    for number in range(first, first + count):
        photo(folder / f"p{number:03}.png", colours[number % len(colours)], number=number)


@dataclass
class ToyDetector:
    """Reads where the faces are. Counts, and calls `hook` with each image."""

    hook: Callable[[Image], None] = lambda image: None
    wanted_longer_px: int = 1
    key: str = "toy@1"
    seen: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def detect(self, images: Sequence[Image]) -> list[tuple[Detection, ...]]:
        with self._lock:
            self.seen += len(images)
        for image in images:
            self.hook(image)
        return [tuple(_faces(image.pixels)) for image in images]


@dataclass
class ToyEmbedder:
    """Turns the colour in the middle of a chip into a vector. Notes the size of each batch.

    Of the colour `silent_of` it says nothing.
    """

    hook: Callable[[Any], None] = lambda chips: None
    space: str = SPACE
    dimension: int = DIMENSION
    template: ChipTemplate = _TEMPLATE
    views: int = 1
    silent_of: Colour | None = None
    batches: list[int] = field(default_factory=list)

    def cut(self, image: Image, landmarks: Landmarks) -> Any:
        return np.stack([self.template.cut(image, landmarks)] * self.views)

    def embed(self, chips: Any) -> Any:
        self.batches.append(len(chips))
        self.hook(chips)
        colours = [chip[:, 3:5, 3:5].mean((0, 1, 2)) for chip in chips]
        silent = [row for row, one in enumerate(colours) if tuple(one) == self.silent_of]
        if silent:
            raise NoEmbedding(self.space, silent, len(chips))
        return np.stack([self.said_of(colour) for colour in colours])

    def said_of(self, colour: Any) -> Any:
        return vector(colour)


def vector(colour: Any) -> Any:
    """Where the toy embedder puts a colour: float32 (4,), of length 1."""
    raw = np.append(np.asarray(colour, np.float64) - 128, 40.0)
    return (raw / np.linalg.norm(raw)).astype(np.float32)


@dataclass
class OtherEmbedder(ToyEmbedder):
    """The same in another space, of another dimension."""

    space: str = OTHER_SPACE
    dimension: int = OTHER_DIMENSION

    def said_of(self, colour: Any) -> Any:
        return other_vector(colour)


def other_vector(colour: Any) -> Any:
    """Where the other embedder puts a colour: float32 (6,), of length 1."""
    return np.concatenate([np.zeros(2, np.float32), vector(colour)[::-1]])


def _faces(pixels: Any) -> list[Detection]:
    if tuple(pixels[0, 0]) != _MARK:
        return []
    found = []
    for row in range(int(pixels[0, 1, 0])):
        x, y, size = (float(value) for value in pixels[0, 2 + 2 * row])
        landmarks = Landmarks((_PLACES * size + (x, y)).astype(np.float32))
        found.append(Detection(Box(x, y, size, size), landmarks, 0.9))
    return found


@dataclass
class Toys:
    """A toy detector and a toy embedder, and how often they were loaded."""

    detector: ToyDetector = field(default_factory=ToyDetector)
    embedder: ToyEmbedder = field(default_factory=ToyEmbedder)
    other: OtherEmbedder = field(default_factory=OtherEmbedder)
    loaded: int = 0

    def options(self, **more: Any) -> LibraryOptions:
        """For a library that sees with these models, once they are installed."""
        return LibraryOptions(detector="toy-detector", embedder="toy-embedder", **more)

    def tools(self, **more: Any) -> Tools:
        """For the pipeline or an index run without a library."""
        given = {
            "models": lambda: (self.detector, self.embedder),
            "embed_batch": lambda: 4,
            "detector_key": "toy@1",
            "limits": DecodeLimits(),
        }
        return Tools(**(given | more))

    def specs(self) -> tuple[catalogue.DetectorSpec, catalogue.EmbedderSpec]:
        """How the catalogue of models lists them."""

        def load_detector(runtime: object, options: DetectorOptions) -> ToyDetector:
            self.loaded += 1
            return self.detector

        return (
            catalogue.DetectorSpec(
                "toy-detector", "MIT", "here", lambda options: f"toy@1:{options.key}", load_detector
            ),
            catalogue.EmbedderSpec(
                "toy-embedder", "MIT", "here", SPACE, DIMENSION, MAX_DISTANCE,
                lambda runtime: self.embedder,
            ),
        )  # fmt: skip

    def other_spec(self) -> catalogue.EmbedderSpec:
        """A second embedder, for the tests of several spaces."""
        return catalogue.EmbedderSpec(
            OTHER, "MIT", "here", OTHER_SPACE, OTHER_DIMENSION, MAX_DISTANCE,
            lambda runtime: self.other,
        )  # fmt: skip


def measures(chip: Any) -> quality.ChipMeasures:
    """Toy faces are plain squares, and yet as good as any."""
    return quality.ChipMeasures(sharpness=0.12, brightness=0.5, contrast=0.15)


def install(*, delay_s: float = 0.0) -> Toys:
    """Add toy models to the catalogue of this process, perhaps slow ones."""
    toys = Toys()
    toys.detector.hook = lambda image: time.sleep(delay_s)
    quality.measure_chip = measures
    detector, embedder = toys.specs()
    catalogue._DETECTORS = (*catalogue._DETECTORS, detector)
    catalogue._EMBEDDERS = (*catalogue._EMBEDDERS, embedder, toys.other_spec())
    return toys
