"""Output decodings of face detectors: what networks of a family say, turned into faces.

In: the raw outputs of one run. Out: boxes, five landmarks and scores in pixels of the
network's input. A head is one module here with one `HeadSpec`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facesearch.models.heads.base import HeadSpec


class Head(StrEnum):
    """The families of detectors that can be brought along."""

    SCRFD = "scrfd"
    RETINAFACE = "retinaface"
    YUNET = "yunet"


def head_spec(head: Head) -> HeadSpec:
    """How the networks of a family are fed and read."""
    from facesearch.models.heads import retinaface, scrfd, yunet

    return {
        Head.SCRFD: scrfd.SPEC,
        Head.RETINAFACE: retinaface.SPEC,
        Head.YUNET: yunet.SPEC,
    }[head]
