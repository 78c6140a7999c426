"""Compare exported networks with Keras: time of one image, and time from start to label.

    scripts/benchmark exporting
    scripts/benchmark exporting -- --networks lenet resnet20 --rounds 9

Weights are random: times do not depend on them. Keras predicts by `predict`, as in its tutorials,
and by `predict_on_batch`, its fastest call; all take turns, and times are medians. The second table
is of whole processes, `cnnzoo predict MODEL digit.png --top 1` with LeNet.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

import cnnzoo
from cnnzoo.evaluation.speed import measure_speed
from cnnzoo.exporting.convert import convert
from cnnzoo.exporting.formats import FORMATS
from cnnzoo.exporting.job import Job
from cnnzoo.models.backend import load_keras
from cnnzoo.models.runtimes.contract import Contract
from cnnzoo.models.runtimes.open import open_exported
from cnnzoo.models.saved import Description, save_model

NETWORKS = {
    "lenet": (),
    "simple_cnn": (),
    "emotion": (),
    "gender": ("model.params.filters=64",),
    "resnet20": (),
    "mobilenet_v2": ("model.input_shape=[96, 96, 3]",),
}
CLASSES = 10
CALIBRATION = 32  # random images; they change the accuracy of int8, not its speed
ROUND_SECONDS = 0.06
STARTED = (".onnx", ".tflite", ".keras")  # models of the second table


def build(name: str) -> Any:
    """Build a network with random weights."""
    config = cnnzoo.load_config(name, list(NETWORKS[name]))
    return cnnzoo.build_model(config.model, classes=config.model.classes or CLASSES)


def export(model: Any, name: str, form: str, precision: str, folder: Path) -> Path:
    """Export a network to a file in a folder."""
    shape = model.input_shape[1:]
    values: dict[str, Any] = {"precision": precision}
    contract = Contract(
        name=name,
        class_names=tuple(map(str, range(max(2, model.output_shape[-1])))),
        input_shape=shape,
        cnnzoo=cnnzoo.__version__,
        **values,
    )
    calibration = None
    if precision == "int8":
        calibration = folder / "calibration.npy"
        images = np.random.default_rng(0).integers(0, 256, (CALIBRATION, *shape), np.uint8)
        np.save(calibration, images)
    target = folder / f"{name}{FORMATS[form].suffix}"
    convert(model, Job(Path(name), target, form, contract, calibration=calibration))
    return target


def latencies(names: Iterable[str], rounds: int) -> Iterable[str]:
    """Yield the lines of the table of one image."""
    ratios = "ratio to `predict` | ratio to `predict_on_batch`"
    yield f"| network | format | precision | one image, ms | {ratios} |"
    yield "| --- | --- | --- | ---: | ---: | ---: |"
    for name in names:
        model = build(name)
        image = np.random.default_rng(1).integers(0, 256, (1, *model.input_shape[1:]), np.uint8)
        keras = {
            "predict": lambda batch, model=model: model.predict(batch, verbose=0),
            "predict_on_batch": model.predict_on_batch,
        }
        for form, each in FORMATS.items():
            for precision in each.precisions:
                with TemporaryDirectory() as folder:
                    exported = open_exported(export(model, name, form, precision, Path(folder)))
                    speed = measure_speed(
                        {"exported": exported.predict_on_batch, **keras},
                        image,
                        rounds=rounds,
                        round_seconds=ROUND_SECONDS,
                    )
                seconds = speed["exported"]["latency"]
                ratios = " | ".join(f"{seconds / speed[key]['latency']:.2g}" for key in keras)
                yield f"| {name} | {form} | {precision} | {1000 * seconds:.3g} | {ratios} |"


def starts(rounds: int) -> Iterable[str]:
    """Yield the lines of the table of whole processes."""
    yield "| model | median, s | lowest to highest |"
    yield "| --- | ---: | ---: |"
    with TemporaryDirectory() as name:
        folder = Path(name)
        model = build("lenet")
        description = Description(class_names=tuple(map(str, range(CLASSES))))
        save_model(model, folder / "lenet.keras", description)
        for form in ("onnx", "litert"):
            export(model, "lenet", form, "float32", folder)
        Image.new("L", (28, 28)).save(folder / "digit.png")
        seconds: dict[str, list[float]] = {suffix: [] for suffix in STARTED}
        for number in range(rounds + 1):  # the first reads files that later ones find in memory
            for suffix, found in seconds.items():
                command = ["predict", f"lenet{suffix}", "digit.png", "--top", "1"]
                began = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "cnnzoo", *command],
                    cwd=folder,
                    check=True,
                    capture_output=True,
                )
                if number:
                    found.append(time.perf_counter() - began)
    for suffix, found in seconds.items():
        spread = f"{min(found):.2f} to {max(found):.2f}"
        yield f"| `lenet{suffix}` | {statistics.median(found):.2f} | {spread} |"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds (default: 5)")
    arguments = parser.parse_args()
    load_keras("cpu")
    for line in starts(arguments.rounds):
        print(line, flush=True)
    print()
    for line in latencies(arguments.networks, arguments.rounds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
