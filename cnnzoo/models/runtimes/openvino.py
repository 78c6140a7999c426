"""OpenVINO models (`.xml` with its `.bin`) in OpenVINO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnzoo.errors import RunError
from cnnzoo.extras import require
from cnnzoo.models.objects import first_line
from cnnzoo.models.runtimes.contract import KEY, read_contract
from cnnzoo.models.runtimes.model import MAX_FILE_BYTES, ExportedModel, Port, exported_model

_DTYPES = {"u8": "uint8", "f32": "float32"}
# On processors with bfloat16 units, OpenVINO computes with 8 bits of precision otherwise.
_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


def open_openvino(path: Path) -> ExportedModel:
    """The model in an `.xml` file; raises RunError if it or its `.bin` is missing or damaged."""
    openvino = require("openvino", "openvino")
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        raise RunError(f"{path} needs {weights.name} next to it", hint="copy both files")
    for part in (path, weights):
        if part.stat().st_size > MAX_FILE_BYTES:
            raise RunError(f"{part} is larger than {MAX_FILE_BYTES >> 30} GiB")
    try:
        core = openvino.Core()
        model = core.read_model(path, weights)
        text = model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None
        compiled = core.compile_model(model, "CPU", _EXACT)
    except Exception as error:  # the runtime raises RuntimeError and other classes
        raise RunError(
            f"{path} is damaged, or is not a model that OpenVINO can run: {first_line(error)}",
            hint="export the model again",
        ) from None
    contract = read_contract(text, str(path))

    def run(images: Any) -> Any:
        return compiled(images)[0]

    taken_ports, given_ports = [*map(_port, compiled.inputs)], [*map(_port, compiled.outputs)]
    return exported_model(path, contract, taken_ports, given_ports, run)


def _port(port: Any) -> Port:
    shape = tuple(
        size.get_length() if size.is_static else None for size in port.get_partial_shape()
    )
    dtype = port.get_element_type().get_type_name()
    return Port(shape, _DTYPES.get(dtype, dtype))
