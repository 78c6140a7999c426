"""An exported ONNX model in one HTML page, which runs it in a browser from a local file."""
