"""Open an exported file as a model that predicts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cnnzoo.errors import DeviceError, RunError
from cnnzoo.models.runtimes.litert import open_litert
from cnnzoo.models.runtimes.model import ExportedModel
from cnnzoo.models.runtimes.onnx_runtime import open_onnx
from cnnzoo.models.runtimes.openvino import open_openvino
from cnnzoo.models.runtimes.saved_model import GRAPH, open_saved_model

# Suffix → the function that opens such a file. A SavedModel is a directory.
OPENERS: dict[str, Callable[[Path], ExportedModel]] = {
    ".onnx": open_onnx,
    ".tflite": open_litert,
    ".xml": open_openvino,
}


def is_exported(path: Path) -> bool:
    """Return whether a path has the suffix of an exported model or is a SavedModel directory."""
    return path.suffix in OPENERS or (path / GRAPH).is_file()


def open_exported(path: Path, device: str = "auto") -> ExportedModel:
    """The model in an exported file.

    Raises RunError if it is missing, damaged, or not from cnnzoo, UserError with the pip command if
    its runtime is not installed, and DeviceError for a GPU: the runtimes here compute on the CPU.
    """
    if device == "gpu":
        raise DeviceError(
            f"{path} is an exported model, which computes on the CPU", hint="omit --device gpu"
        )
    if path.is_dir():
        return open_saved_model(path)
    if not path.is_file():
        raise RunError(f"the model {str(path)!r} does not exist")
    return OPENERS[path.suffix](path)
