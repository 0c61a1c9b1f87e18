"""Makes weight files of DeepFace's networks with random weights, under their real names.

The architecture is DeepFace's own, freshly built by TensorFlow; what DeepFace would download
is left out. Speed does not depend on what the numbers are, and the true files cannot be had
everywhere. The ONNX file takes what DeepFace's own ONNX files take: float32 (n, height,
width, 3), BGR, 0..1.
"""

import hashlib
import os
from pathlib import Path

SEED = 20_261_124


def facenet512_onnx() -> dict:
    """Write facenet512_weights.onnx where DeepFace looks for it; its path and SHA-256."""
    target = Path(os.environ["DEEPFACE_HOME"], ".deepface", "weights", "facenet512_weights.onnx")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _export(target)
    return {"path": str(target), "sha256": hashlib.sha256(target.read_bytes()).hexdigest()}


def _export(target: Path) -> None:
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    import tensorflow as tf
    import tf2onnx
    from deepface.models.facial_recognition.tf import Facenet

    tf.keras.utils.set_random_seed(SEED)
    model = Facenet.InceptionResNetV1(dimension=512)
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="pictures")]
    tf2onnx.convert.from_function(
        tf.function(lambda pictures: model(pictures, training=False)),
        input_signature=signature,
        opset=17,
        output_path=str(target),
    )
