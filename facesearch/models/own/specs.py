"""Models that the user added as specs of the catalogue. Loads no engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facesearch.models.catalogue import DetectorSpec, EmbedderSpec


def own_detectors() -> tuple[DetectorSpec, ...]:
    """Detectors that the user added."""
    return ()


def own_embedders() -> tuple[EmbedderSpec, ...]:
    """Embedders that the user added."""
    return ()
