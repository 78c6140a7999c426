"""Exported models in their own runtimes: ONNX Runtime, LiteRT, OpenVINO and TensorFlow.

Nothing here imports Keras, so an ONNX or LiteRT file predicts without Keras and TensorFlow.
"""
