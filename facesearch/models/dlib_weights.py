"""dlib's recognition weights and where they lie. Loads no network library.

In: nothing. Out: names and a packaged file. Weights by Davis King (public domain, CC0), in the
package `face-recognition-models` 0.3.0.
"""

from __future__ import annotations

from facesearch.models.weights import PackagedFile

NAME = "dlib-resnet34"
CHIP_SIZE_PX = 150
WEIGHTS = PackagedFile(
    package="face_recognition_models",
    requirement="face-recognition-models==0.3.0",
    path="models/dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
)
