"""A sweep that trains in seconds, and trials that were not trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnzoo.config.loader import load_raw
from cnnzoo.config.located import Map
from cnnzoo.studies.outcomes import FAILED, FINISHED, PRUNED
from cnnzoo.studies.sweep_directory import SweepDirectory, create_directory
from cnnzoo.studies.sweep_results import SweepRecord, Trial, write_record

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


def write_sweep(
    folder: Path,
    *overrides: str,
    trials: int,
    seeds: int = 1,
    costs: bool = False,
    problem: str = "",
) -> SweepDirectory:
    """A sweep with histories whose trials were not trained; every fourth one is pruned."""
    directory = create_directory(folder / "sweeps/quick", raw_sweep(folder, *overrides))
    records = []
    for number in range(1, trials + 1):
        rate, size = 10 ** (-3 + 3 * (number * 5 % 12) / 12), (16, 32)[number % 2]
        settings = {"training.optimizer.SGD.learning_rate": rate, "training.batch_size": size}
        value = 0.9 - abs(rate - 0.1) / 2 + 0.001 * number
        values = [value, 1000.0 * (number * 7 % 5 + 1)] if costs else [value]
        trial = finished(number, *values, **settings)
        spread = [[each + 0.01 * seed for each in values] for seed in range(seeds)]
        trial = trial.model_copy(update={"seed_values": spread})
        if number % 4 == 0:
            ended = {"outcome": PRUNED, "values": [], "seed_values": [], "epochs": 1}
            trial = trial.model_copy(update=ended)
        if problem and number == trials:
            ended = {"outcome": FAILED, "values": [], "problem": problem}
            trial = trial.model_copy(update=ended)
        records.append(trial)
        for run in directory.runs(number, seeds):
            run.path.mkdir()
            rows = [
                {"epoch": epoch, "loss": 1 / epoch, "val_accuracy": value * epoch / 3}
                for epoch in range(1, trial.epochs + 1)
            ]
            run.write_history(rows)
    write_record(directory, SweepRecord(trials=records))
    return directory
