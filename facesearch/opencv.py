"""OpenCV, loaded in one place, without threads of its own.

Out: `cv2`. facesearch runs one worker per core; OpenCV's threads on top of them cost
more than they bring (5 % of an indexing run on two cores). Where the host program
loaded OpenCV before, its setting is left alone.
"""

from __future__ import annotations

import sys

_loaded_by_host = "cv2" in sys.modules

import cv2  # noqa: E402 - whether it was there before has to be known first

if not _loaded_by_host:
    cv2.setNumThreads(1)

__all__ = ["cv2"]
