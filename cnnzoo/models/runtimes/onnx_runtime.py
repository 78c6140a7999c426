"""ONNX files in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnzoo.errors import RunError
from cnnzoo.extras import require
from cnnzoo.models.objects import first_line
from cnnzoo.models.runtimes.contract import KEY, read_contract
from cnnzoo.models.runtimes.model import ExportedModel, Port, exported_model, read_bytes

_DTYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
_SILENT = 4  # log severity: fatal errors only; the others are exceptions too
# The folder of external weights does not exist: an untrusted file may name any path.
_NO_FOLDER = "/nonexistent"


def open_onnx(path: Path) -> ExportedModel:
    """The model in an ONNX file; raises RunError if it is damaged or needs custom operators."""
    runtime = require("onnxruntime", "onnx")
    content = read_bytes(path)
    options = runtime.SessionOptions()
    options.log_severity_level = _SILENT
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", _NO_FOLDER
    )
    try:
        session = runtime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
        text = session.get_modelmeta().custom_metadata_map.get(KEY)
    except Exception as error:  # the runtime raises a different class for each status code
        raise RunError(
            f"{path} is damaged, or is not an ONNX file that ONNX Runtime {runtime.__version__} "
            f"can run: {first_line(error)}",
            hint="export the model again",
        ) from None
    inputs, outputs = session.get_inputs(), session.get_outputs()
    names = [each.name for each in inputs]

    def run(images: Any) -> Any:
        return session.run(None, {names[0]: images})[0]

    contract = read_contract(text, str(path))
    return exported_model(path, contract, [*map(_port, inputs)], [*map(_port, outputs)], run)


def _port(value: Any) -> Port:
    # A size that is not fixed has a name.
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return Port(shape, _DTYPES.get(value.type, value.type))
