"""Load a data set while its progress is shown."""

from __future__ import annotations

import time

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.dataset import Dataset, ImageShape
from cnnzoo.datasets.load import load_dataset
from cnnzoo.training.progress import Display


def load_shown(data: DataConfig, image_shape: ImageShape, display: Display) -> Dataset:
    """Load the data set of a section; report its decoding and then its contents to the display."""
    started = time.perf_counter()
    try:
        dataset = load_dataset(data, image_shape=image_shape, on_progress=display.decode)
    finally:
        display.stop()
    display.data(dataset, time.perf_counter() - started)
    return dataset
