"""The three stages of MTCNN and where their weights lie. Loads no network library.

In: nothing. Out: names and packaged files. Weights by Iván de Paz Centeno (MIT), in the
package `mtcnn` 1.0.0.
"""

from __future__ import annotations

from enum import StrEnum

from facesearch.models.weights import PackagedFile

NAME = "mtcnn"
BUILDER_VERSION = 2


class Stage(StrEnum):
    """The three networks, in the order they look."""

    PROPOSE = "pnet"
    REFINE = "rnet"
    OUTPUT = "onet"


def _packaged(file: str, sha256: str) -> PackagedFile:
    return PackagedFile("mtcnn", "mtcnn==1.0.0", f"assets/weights/{file}", sha256)


WEIGHTS = {
    Stage.PROPOSE: _packaged(
        "pnet.lz4", "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5"
    ),
    Stage.REFINE: _packaged(
        "rnet.lz4", "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee"
    ),
    Stage.OUTPUT: _packaged(
        "onet.lz4", "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3"
    ),
}
