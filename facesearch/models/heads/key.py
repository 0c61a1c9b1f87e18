"""What results of a detector are remembered under. Loads neither engine nor network.

In: file, decoding, input and options. Out: the key.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from facesearch.models.base import DetectorOptions
from facesearch.models.heads import Head, head_spec
from facesearch.models.preprocessing import Preprocessing

_FED_DIGITS = 6


def detector_key(
    name: str, sha256: str, head: Head, preprocessing: Preprocessing, options: DetectorOptions
) -> str:
    """Short text that differs where results may differ.

    Args:
        name: of the model.
        sha256: of its file.
        options: of these the smallest face counts; the rest is MTCNN's own.
    """
    about = json.dumps(asdict(preprocessing), sort_keys=True).encode()
    fed = hashlib.sha256(about).hexdigest()[:_FED_DIGITS]
    smallest = f"{options.smallest_face_fraction:g},{options.smallest_face_px:g}"
    return f"{name}@{sha256[:8]}:{head}-{head_spec(head).version}-{fed};{smallest}"
