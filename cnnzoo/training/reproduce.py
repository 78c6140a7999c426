"""Train a run again from its directory alone, and compare the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo.errors import RunError
from cnnzoo.models.saved import load_model
from cnnzoo.runs.environment import differences
from cnnzoo.runs.run import FINISHED, Run
from cnnzoo.training.devices import all_processes
from cnnzoo.training.job import prepare
from cnnzoo.training.progress import Display
from cnnzoo.training.resume import check_data, use_backend_of
from cnnzoo.training.settings import Settings
from cnnzoo.training.train import train_job


@dataclass(frozen=True, slots=True)
class Reproduction:
    """The second training of a run, and its differences from the first.

    `weights` maps each array of `model.keras` that differs to its largest absolute difference, inf
    if the shapes differ; `arrays` is the number of all arrays. `epoch` is the first one whose row
    of `history.csv` differs, or None. `environment` are the differences of versions and machine,
    `past` the events of the first run that the second one does not repeat.
    """

    run: Run
    arrays: int
    weights: Mapping[str, float]
    epoch: int | None
    environment: Sequence[str]
    past: Sequence[str]

    @property
    def identical(self) -> bool:
        """True if weights and history are equal to the last bit."""
        return not self.weights and self.epoch is None


def reproduce(
    run: Run,
    runs_dir: Path | str | None = None,
    *,
    device: str = "auto",
    display: Display | None = None,
    command: Sequence[str] = (),
) -> Reproduction:
    """Train a run again, on its backend and with its settings, and compare the two.

    The second run is created below `runs_dir`, by default next to the first. Raises what `train`
    raises, RunError if the run is not finished, and DataError if its data have changed.
    """
    record = run.record()
    if record.get("status") != FINISHED:
        raise RunError(
            f"{run} is not finished, so its result cannot be compared",
            hint=f"finish it: cnnzoo train --resume {run}",
        )
    use_backend_of(record)
    config = run.trained_config() or run.config()
    if runs_dir is None:
        parent = run.path.resolve().parent
        runs_dir = parent.parent if parent.name == config.name else parent
    settings = Settings(**record["settings"]) if "settings" in record else None
    with all_processes(config, device, display=display) as scratch:
        if scratch:
            runs_dir, display = scratch, None
        job = prepare(config, device=device, display=display, settings=settings)
        check_data(run, record, job.dataset)
        again = train_job(job, runs_dir, display=display, command=command)
    arrays, weights = _compare_weights(run, again)
    return Reproduction(
        again,
        arrays,
        weights,
        _first_differing_epoch(run.history(), again.history()),
        differences(record, again.record()),
        _past(record),
    )


def _compare_weights(first: Run, second: Run) -> tuple[int, dict[str, float]]:
    weights = load_model(first.model_path).weights
    others = load_model(second.model_path).weights
    found = {}
    for one, other in zip(weights, others, strict=True):
        before, after = (np.asarray(weight.numpy()) for weight in (one, other))
        if not np.array_equal(before, after):
            same = before.shape == after.shape
            found[one.path] = float(np.abs(before - after).max()) if same else np.inf
    return len(weights), found


def _first_differing_epoch(
    first: Sequence[Mapping[str, float]], second: Sequence[Mapping[str, float]]
) -> int | None:
    for number in range(max(len(first), len(second))):
        rows = [_comparable(rows[number]) for rows in (first, second) if number < len(rows)]
        if len(rows) < 2 or rows[0] != rows[1]:
            return number + 1
    return None


def _comparable(row: Mapping[str, float]) -> str:
    # As text, in which NaN equals NaN. Runs of older versions have the time among the metrics.
    return repr(sorted((name, value) for name, value in row.items() if name != "seconds"))


def _past(record: Mapping[str, Any]) -> list[str]:
    """A line for each time that the run was resumed."""
    lines = []
    for resumed in record.get("resumed", []):
        line = f"it was resumed in epoch {resumed['epoch']}"
        if epochs := resumed["changes"].get("training.epochs"):
            line += f", and training.epochs changed: {epochs[0]} → {epochs[1]}"
        if resumed["environment"]:
            line += f", with other versions or hardware: {'; '.join(resumed['environment'])}"
        lines.append(line)
    return lines
