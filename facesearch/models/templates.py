"""Templates: where the five landmarks lie in the chips of each family of networks.

In: a family and a size. Out: a `ChipTemplate`. A network sees best what it was trained on,
so the template is part of a space's name, and another template makes another space.

Sources: `ARCFACE` as insightface publishes it for 112 px. `DLIB` is derived by
benchmarks/template.py. `FACENET` follows facenet's align_dataset_mtcnn.py (MTCNN's box and
a margin of 32 px, made 160 x 160), with MTCNN's landmarks where they lie in its boxes on
the training photos of LFW's View 1, in the median. `NONE` frames a face as `FACENET` does,
but leaves it tilted as it is in the photo.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facesearch.errors import InvalidValue

if TYPE_CHECKING:
    from facesearch.models.align import ChipTemplate

_Points = tuple[tuple[float, float], ...]


class TemplateFamily(StrEnum):
    """The templates that models of other origins can be given by name."""

    ARCFACE = "arcface"
    DLIB = "dlib"
    FACENET = "facenet"
    NONE = "none"


class _Published(NamedTuple):
    """A template at the size it is known for."""

    size_px: int
    points: _Points
    turns: bool = True


# Eyes, nose tip, corners of the mouth; left ones first, as the viewer sees them.
_FACENET: _Points = ((53.1, 65.2), (107.6, 65.2), (80.2, 90.7), (56.5, 111.6), (105.6, 111.6))
_FAMILIES = {
    TemplateFamily.ARCFACE: _Published(
        112,
        (
            (38.2946, 51.6963),
            (73.5318, 51.5014),
            (56.0252, 71.7366),
            (41.5493, 92.3655),
            (70.7299, 92.2041),
        ),
    ),
    TemplateFamily.DLIB: _Published(
        150,
        ((46.45, 44.53), (100.98, 44.53), (73.54, 77.14), (49.66, 104.27), (97.65, 104.37)),
    ),
    TemplateFamily.FACENET: _Published(160, _FACENET),
    TemplateFamily.NONE: _Published(160, _FACENET, turns=False),
}


def template_name(family: TemplateFamily, size_px: int | None = None) -> str:
    """What `template` is called, such as "arcface-112"; loads nothing to cut chips with."""
    return f"{family}-{_FAMILIES[family].size_px if size_px is None else size_px}"


def template(family: TemplateFamily, size_px: int | None = None) -> ChipTemplate:
    """The template of a family, at its own size or scaled to another.

    Args:
        size_px: width and height of the chips, at least 16; None for the family's own size.

    Returns:
        A template named after family and size, such as "arcface-112".

    Raises:
        InvalidValue: the size is too small for a face to be seen.
    """
    # Here, because it loads OpenCV: the names of families are wanted where no chip is cut.
    from facesearch.models.align import ChipTemplate

    published = _FAMILIES[family]
    side = published.size_px if size_px is None else size_px
    if side < 16:
        raise InvalidValue(f"chips have at least 16 x 16 px, not {side} x {side}")
    # Pixel centres: the outer edges of the chip are what scales, half a pixel further out.
    factor = side / published.size_px
    points = (np.array(published.points, np.float64) + 0.5) * factor - 0.5
    if factor == 1:
        points = np.array(published.points)
    return ChipTemplate(
        template_name(family, side), side, points.astype(np.float32), published.turns
    )
