"""Models that users bring along: ONNX files and Keras networks."""
