"""A small network, exported in this process; its weights are random but lively."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import cnnzoo
from cnnzoo.exporting.convert import convert
from cnnzoo.exporting.formats import FORMATS
from cnnzoo.exporting.job import Job
from cnnzoo.models.runtimes.contract import Contract

SHAPE = (8, 8, 1)
CLASSES = ("cat", "größer", "a b")
LAYERS = [
    {"Normalization": {"mean": 100.0, "variance": 400.0}},
    {"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "relu"}},
    "BatchNormalization",
    "Flatten",
    {"Dense": {"units": 3, "activation": "softmax"}},
]


def small_model():
    config = cnnzoo.ModelConfig(input_shape=SHAPE, layers=LAYERS)
    model = cnnzoo.build_model(config)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith("variance"):
            weight.assign(rng.uniform(0.5, 2, weight.shape))
        else:
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


def contract(**values) -> Contract:
    default = {"name": "small", "class_names": CLASSES, "input_shape": SHAPE, "cnnzoo": "0"}
    return Contract(**default | values)


def images(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, *SHAPE)).astype(np.uint8)


def export_small(
    folder: Path, form: str, precision: str = "float32", batch: int | None = None, model=None
) -> Path:
    """The path of the exported file, below a folder."""
    calibration = None
    if precision == "int8":
        calibration = folder / "calibration.npy"
        np.save(calibration, images(16))
    target = folder / f"{form}-{precision}-{batch}{FORMATS[form].suffix}"
    model = model or small_model()
    convert(
        model,
        Job(
            Path("unused"),
            target,
            form,
            contract(precision=precision),
            batch,
            calibration=calibration,
        ),
    )
    return target
