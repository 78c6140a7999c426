"""One conversion as plain values: it is passed to another process as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from cnnzoo.models.runtimes.contract import Contract

CALIBRATION_BATCH = 8  # images that are calibrated on at once, if the batch size is free


@dataclass(frozen=True, slots=True)
class Job:
    """What to convert, and how.

    `model` is a `.keras` file, `target` the file or directory to write. `batch` is the only batch
    size that the result accepts, or None for all. `opset` is that of ONNX, or None for the
    default. `calibration` is a `.npy` file with images uint8 [n, height, width, channels], which
    int8 needs; their number is a multiple of `batch`. With `trust`, the model may have any class.
    """

    model: Path
    target: Path
    format: str
    contract: Contract
    batch: int | None = None
    opset: int | None = None
    calibration: Path | None = None
    trust: bool = False

    def plain(self) -> dict[str, Any]:
        """The job as JSON values."""
        values = asdict(self) | {"contract": self.contract.plain()}
        return {
            name: str(value) if isinstance(value, Path) else value for name, value in values.items()
        }

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """The job of the values that `plain` gave."""
        calibration = values["calibration"]
        return cls(
            Path(values["model"]),
            Path(values["target"]),
            values["format"],
            Contract(**values["contract"]),
            values["batch"],
            values["opset"],
            None if calibration is None else Path(calibration),
            values["trust"],
        )
