"""DeepFace's models as specs of the catalogue. Loads neither deepface nor any engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facesearch.models.catalogue import DetectorSpec, EmbedderSpec


def deepface_detectors() -> tuple[DetectorSpec, ...]:
    """DeepFace's detectors."""
    return ()


def deepface_embedders() -> tuple[EmbedderSpec, ...]:
    """DeepFace's recognition models, one spec for each engine."""
    return ()
