"""How a training is shown: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time

from rich.console import Console

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.dataset import Dataset, ImageShape
from cnnzoo.datasets.load import load_dataset
from cnnzoo.training.bars import Bars
from cnnzoo.training.display import Course, Display
from cnnzoo.training.lines import Lines, metrics_text

__all__ = ["Course", "Display", "display_for", "load_shown", "metrics_text"]


def display_for(console: Console) -> Display:
    """Bars where the console is a terminal, lines where it is not."""
    return Bars(console) if console.is_terminal else Lines(console)


def load_shown(data: DataConfig, image_shape: ImageShape, display: Display) -> Dataset:
    """The data set of a section, while a display shows how far its decoding is; then what it is."""
    started = time.perf_counter()
    try:
        dataset = load_dataset(data, image_shape=image_shape, on_progress=display.decode)
    finally:
        display.stop()
    display.data(dataset, time.perf_counter() - started)
    return dataset
