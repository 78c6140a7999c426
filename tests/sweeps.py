"""A sweep that trains in seconds, and trials that were not trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnzoo.config.loader import load_raw
from cnnzoo.config.located import Map
from cnnzoo.studies.sweep_results import FINISHED, Trial

TEXT = """
name: quick
model:
  input_shape: [8, 8, 1]
  layers: [Rescaling: 1/255, Flatten, Dense: {units: $classes, activation: softmax}]
data: {name: digits, limit: 20}
training:
  epochs: 3
  optimizer: SGD
sweep:
  parameters:
    training.optimizer.SGD.learning_rate: {log: [1e-3, 1]}
    training.batch_size: [16, 32]
  trials: 4
  sampler: random
"""


def raw_sweep(folder: Path, *overrides: str) -> Map:
    """The values of the sweep, with overrides."""
    path = folder / "quick.yaml"
    path.write_text(TEXT)
    return load_raw(path, overrides)


def finished(number: int, *values: float, **settings: Any) -> Trial:
    """A trial with these values of the objectives."""
    return Trial(
        number=number,
        outcome=FINISHED,
        settings=settings,
        values=list(values),
        seed_values=[list(values)],
        epochs=3,
        of_epochs=3,
        seconds=1.0,
    )
