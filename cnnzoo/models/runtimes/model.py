"""An exported model in its runtime, used like a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnzoo.errors import RunError
from cnnzoo.models.runtimes.contract import Contract
from cnnzoo.regular_files import read_regular

MAX_FILE_BYTES = 2**31

Shape = tuple[int | None, ...]
# Images uint8 [n, height, width, channels] → outputs float32 [n, classes or 1].
Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A loaded file: its contract, and a function that computes one batch.

    `batch` is the only batch size that the file accepts, or None if it accepts all.
    """

    contract: Contract
    batch: int | None
    outputs: int
    run: Run

    @property
    def input_shape(self) -> Shape:
        """(None, height, width, channels), as in Keras."""
        return (None, *self.contract.input_shape)

    @property
    def output_shape(self) -> Shape:
        """(None, classes), or (None, 1) for one sigmoid unit."""
        return (None, self.outputs)

    def predict_on_batch(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Outputs float32 [n, classes or 1] for images uint8 [n, height, width, channels]."""
        images = np.ascontiguousarray(images, np.uint8)
        if self.batch is None:
            return self.run(images)
        size, count = self.batch, len(images)
        outputs = []
        for start in range(0, count, size):
            batch = images[start : start + size]
            if len(batch) < size:
                filler = np.zeros((size - len(batch), *images.shape[1:]), np.uint8)
                batch = np.concatenate([batch, filler])
            outputs.append(self.run(batch))
        return np.concatenate(outputs)[:count]


@dataclass(frozen=True, slots=True)
class Port:
    """Shape (None: any size) and dtype name of one input or output of a graph."""

    shape: Shape
    dtype: str


def exported_model(
    path: Path, contract: Contract, inputs: Sequence[Port], outputs: Sequence[Port], run: Run
) -> ExportedModel:
    """Make the model; raise RunError if its graph differs from its contract."""
    if len(inputs) != 1 or len(outputs) != 1:
        raise RunError(
            f"{path} has {len(inputs)} inputs and {len(outputs)} outputs, not one of each"
        )
    taken, given = inputs[0], outputs[0]
    if taken.dtype != "uint8" or taken.shape[1:] != contract.input_shape:
        raise RunError(
            f"{path} takes {_shown(taken)}, but its metadata promise uint8 [batch, "
            f"{', '.join(map(str, contract.input_shape))}]",
            hint="export the model again",
        )
    classes = len(contract.class_names)
    expected = (classes, 1) if classes == 2 else (classes,)
    width = given.shape[1] if len(given.shape) == 2 else None
    if given.dtype != "float32" or width is None or width not in expected:
        raise RunError(
            f"{path} gives {_shown(given)}, but its metadata promise float32 [batch, {classes}]",
            hint="export the model again",
        )
    return ExportedModel(contract, taken.shape[0], width, run)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; raise RunError if it cannot be read or is too large."""
    try:
        return read_regular(path, MAX_FILE_BYTES)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error


def _shown(port: Port) -> str:
    sizes = ", ".join("?" if size is None else str(size) for size in port.shape)
    return f"{port.dtype} [{sizes}]"
