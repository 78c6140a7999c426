"""Keras model → ONNX, LiteRT, SavedModel or OpenVINO, verified on the test split."""
