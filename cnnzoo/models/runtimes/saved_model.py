"""TensorFlow SavedModels, the signature `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnzoo.errors import RunError
from cnnzoo.extras import require
from cnnzoo.models.backend import no_native_notices
from cnnzoo.models.objects import first_line
from cnnzoo.models.runtimes.contract import KEY, MAX_BYTES, read_contract
from cnnzoo.models.runtimes.model import (
    MAX_FILE_BYTES,
    ExportedModel,
    Port,
    exported_model,
    read_bytes,
)
from cnnzoo.models.runtimes.saved_model_operators import refuse_other_operators

GRAPH = "saved_model.pb"
CONTRACT = f"assets.extra/{KEY}.json"  # the folder for the files of other programs
SIGNATURE = "serve"


def open_saved_model(path: Path) -> ExportedModel:
    """The model in a SavedModel directory.

    Operators can read and write files, so a model with operators that no network needs is refused.

    Raises RunError if it is damaged or refused.
    """
    described = path / CONTRACT
    text = None
    if described.is_file():
        with described.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    contract = read_contract(text, str(path))
    parts = [part for part in path.rglob("*") if not part.is_dir()]
    if others := [part for part in parts if not part.is_file()]:  # TensorFlow would wait for a FIFO
        raise RunError(f"{path} is damaged: {others[0]} is not a regular file")
    if sum(part.stat().st_size for part in parts) > MAX_FILE_BYTES:
        raise RunError(f"{path} is larger than {MAX_FILE_BYTES >> 30} GiB")
    with no_native_notices():
        tensorflow = require("tensorflow", "export")
    refuse_other_operators(read_bytes(path / GRAPH), path / GRAPH)
    try:
        loaded = tensorflow.saved_model.load(str(path))
        signature = loaded.signatures[SIGNATURE]
    except Exception as error:  # its libraries raise many classes
        raise RunError(
            f"{path} is damaged, or is not a SavedModel with the signature {SIGNATURE!r}: "
            f"{first_line(error)}",
            hint="export the model again",
        ) from None
    inputs = signature.structured_input_signature[1]
    outputs = signature.structured_outputs
    taken, given = next(iter(inputs), ""), next(iter(outputs), "")

    def run(images: Any, _keep: Any = loaded) -> Any:  # its variables live as long as it does
        return signature(**{taken: tensorflow.constant(images)})[given].numpy()

    taken_ports, given_ports = [*map(_port, inputs.values())], [*map(_port, outputs.values())]
    return exported_model(path, contract, taken_ports, given_ports, run)


def _port(spec: Any) -> Port:
    return Port(tuple(spec.shape.as_list()), spec.dtype.name)
