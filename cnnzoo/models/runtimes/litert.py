"""TensorFlow Lite files in LiteRT."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo.errors import RunError
from cnnzoo.extras import require
from cnnzoo.models.backend import no_native_notices
from cnnzoo.models.objects import first_line
from cnnzoo.models.runtimes.contract import KEY, MAX_BYTES, read_contract
from cnnzoo.models.runtimes.model import ExportedModel, Port, exported_model, read_bytes

_CUSTOM = 32  # BuiltinOperator.CUSTOM of the schema
_IDENTIFIER = b"TFL3"


def open_litert(path: Path) -> ExportedModel:
    """The model in a `.tflite` file; raises RunError if it is damaged or has custom operators."""
    interpreter_module = require("ai_edge_litert.interpreter", "litert")
    content = read_bytes(path)
    text = _read_metadata(content, path)
    try:
        with no_native_notices():  # of its delegate for CPUs
            interpreter = interpreter_module.Interpreter(
                model_content=content, num_threads=os.cpu_count()
            )
            interpreter.allocate_tensors()
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    except (ValueError, RuntimeError) as error:
        raise RunError(
            f"{path} is damaged, or LiteRT does not support it: {first_line(error)}",
            hint="export the model again",
        ) from None
    contract = read_contract(text, str(path))

    def run(images: Any) -> Any:
        taken, given = inputs[0]["index"], outputs[0]["index"]
        if tuple(interpreter.get_input_details()[0]["shape"]) != images.shape:
            interpreter.resize_tensor_input(taken, images.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(taken, images)
        interpreter.invoke()
        return interpreter.get_tensor(given)

    return exported_model(path, contract, [*map(_port, inputs)], [*map(_port, outputs)], run)


def _port(details: Any) -> Port:
    sizes = details["shape_signature"].tolist()
    return Port(
        tuple(None if size < 0 else size for size in sizes), np.dtype(details["dtype"]).name
    )


def _read_metadata(content: bytes, path: Path) -> bytes | None:
    """Return the cnnzoo entry in the metadata of a file, or None."""
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    if content[4:8] != _IDENTIFIER:
        raise RunError(f"{path} is not a .tflite file")
    try:
        model = schema.Model.GetRootAs(content, 0)
        for index in range(model.OperatorCodesLength()):
            code = model.OperatorCodes(index)
            if code.BuiltinCode() == _CUSTOM:
                name = (code.CustomCode() or b"?").decode("utf-8", "replace")
                raise RunError(f"{path} needs the custom operator {name[:50]!r}; none is loaded")
        for index in range(model.MetadataLength()):
            entry = model.Metadata(index)
            if entry.Name() == KEY.encode():
                buffer = model.Buffers(entry.Buffer())
                return bytes(buffer.DataAsNumpy()[: MAX_BYTES + 1])
    except RunError:
        raise
    except Exception as error:  # offsets beyond the file
        raise RunError(f"{path} is damaged: {first_line(error)}") from None
    return None
