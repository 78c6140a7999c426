from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnzoo.config.loader import load_config
from cnnzoo.runs.run import Run
from cnnzoo.training.train import train

# What a stranger may call a class: each would break out of a page that does not watch it.
HOSTILE = (
    "<script>alert(1)<",
    "'\"><img src=x onerror=alert(2)>",
    "a & b | c * `e` ${1} {{ 7 * 7 }}",
    "</style><b>\u202eevil",
)

CONFIG = """
name: strange
description: "<i>not</i> {{ 6 * 7 }} markup"
model:
  input_shape: [12, 16, 3]
  layers:
    - Rescaling: 1/255
    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
    - Residual: {layers: [{Conv2D: {filters: 4, kernel_size: 3, padding: same}}]}
    - MaxPooling2D: 2
    - Flatten
    - Dropout: 0.1
    - Dense: {units: $classes, activation: softmax}
data: {folder: pictures}
training: {epochs: 2, batch_size: 32}
"""


@pytest.fixture(scope="session")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a configuration whose data are a folder of classes with hostile names."""
    folder = tmp_path_factory.mktemp("strange")
    rng = np.random.default_rng(0)
    for label, name in enumerate(HOSTILE):
        directory = folder / "pictures" / name.replace("/", "\u2215")
        directory.mkdir(parents=True)
        for number in range(100 if label else 400):
            pixels = rng.integers(0, 200, (12, 16, 3))
            pixels[:, 4 * label : 4 * label + 2] += 55
            Image.fromarray(pixels.astype(np.uint8)).save(directory / f"<i>{number}.png")
        (directory / "1.<script>alert(3)").touch()  # named in a note, by its suffix
    path = folder / "strange.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="session")
def trained(strange: Path) -> Run:
    """A run on hostile classes."""
    return train(load_config(strange), strange.parent / "runs", command=["cnnzoo", "train", "<x>"])
