"""The trials of a sweep as plain records: `trials.json`, which needs no Optuna to be read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from pydantic import BaseModel, ConfigDict

from cnnzoo.config.schema import Config
from cnnzoo.config.trial import trial_config
from cnnzoo.config.writer import dump_config
from cnnzoo.errors import RunError
from cnnzoo.runs.files import write_text
from cnnzoo.runs.schema import read_json
from cnnzoo.studies.objectives import Objective, objectives_of
from cnnzoo.studies.outcomes import FINISHED
from cnnzoo.studies.sweep_directory import SweepDirectory
from cnnzoo.text import counted


class Trial(BaseModel):
    """One trial: its settings by dotted key, and how it ended.

    `values` are those of the objectives, the means over `seed_values`, which has a list for each
    seed. `number` counts from 1. `epochs` were trained of `of_epochs`, over all seeds.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    number: int
    outcome: str
    settings: dict[str, Any]
    values: list[float] = []
    seed_values: list[list[float]] = []
    epochs: int = 0
    of_epochs: int = 0
    seconds: float = 0.0
    problem: str = ""

    @property
    def is_complete(self) -> bool:
        """True if its values can be compared with those of other complete trials."""
        return self.outcome == FINISHED


class SweepRecord(BaseModel):
    """`trials.json`. `storage` is the URL of the database without its password, or empty."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    storage: str = ""
    trials: list[Trial] = []

    def complete(self) -> list[Trial]:
        """Return the trials with values."""
        return [trial for trial in self.trials if trial.is_complete]


def read_record(directory: SweepDirectory) -> SweepRecord:
    """Read `trials.json`; raises RunError if there is none, or if it is damaged."""
    path = directory.results_path
    if not path.exists():
        raise RunError(
            f"{directory} has no trials yet", hint=f"start it: cnnzoo sweep --resume {directory}"
        )
    hint = f"write it again: cnnzoo sweep --resume {directory}"
    return SweepRecord.model_validate(read_json(path, SweepRecord, hint))


def write_record(directory: SweepDirectory, record: SweepRecord) -> None:
    """Write `trials.json`."""
    text = json.dumps(record.model_dump(), indent=1, ensure_ascii=False)
    write_text(directory.results_path, text + "\n")


def mean_values(seed_values: Sequence[Sequence[float]]) -> list[float]:
    """Return the mean of each objective over the seeds."""
    return [fmean(values) for values in zip(*seed_values, strict=True)]


def ranked(trials: Sequence[Trial], objective: Objective, index: int = 0) -> list[Trial]:
    """Return complete trials, the best first; of equal ones, the first that was started."""
    sign = 1 if objective.minimize else -1
    complete = [trial for trial in trials if trial.is_complete]
    return sorted(complete, key=lambda trial: (sign * trial.values[index], trial.number))


def pareto_front(trials: Sequence[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """Return the complete trials that no other one dominates, the best in the first value first."""
    signs = [1 if each.minimize else -1 for each in objectives]
    points = {
        trial.number: [sign * value for sign, value in zip(signs, trial.values, strict=True)]
        for trial in trials
        if trial.is_complete
    }

    def dominated(number: int) -> bool:
        own = points[number]
        return any(
            other != own and all(a <= b for a, b in zip(other, own, strict=True))
            for other in points.values()
        )

    front = [trial for trial in trials if trial.is_complete and not dominated(trial.number)]
    return ranked(front, objectives[0])


def best_trials(trials: Sequence[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """Return the complete trials, the best first; of several objectives, the Pareto front."""
    if len(objectives) > 1:
        return pareto_front(trials, objectives)
    return ranked(trials, objectives[0])


def outcome_text(record: SweepRecord) -> str:
    """Return how many trials ended in which way, and the epochs that pruning saved."""
    counts = Counter(trial.outcome for trial in record.trials)
    parts = [f"{count:,} {outcome}" for outcome, count in counts.items()]
    text = f"{counted(len(record.trials), 'trial')}: {', '.join(parts)}"
    epochs = sum(trial.epochs for trial in record.trials)
    planned = sum(trial.of_epochs for trial in record.trials)
    return text + (f"; {epochs:,} of {planned:,} epochs trained" if epochs < planned else "")


def best_trial(directory: SweepDirectory, record: SweepRecord) -> Trial:
    """Return the best trial by the first objective; raises RunError if none is finished."""
    order = ranked(record.trials, objectives_of(directory.sweep().objective)[0])
    if not order:
        raise RunError(
            f"no trial of {directory} is finished",
            hint=f"continue: cnnzoo sweep --resume {directory}",
        )
    return order[0]


def best_config(directory: SweepDirectory) -> str:
    """Return the configuration of the best trial as YAML; raises what `best_trial` raises."""
    record = read_record(directory)
    best = best_trial(directory, record)
    heading = f"# Trial {best.number} of the sweep {directory.name}"
    return f"{heading}\n{dump_config(config_of(directory, best))}"


def config_of(directory: SweepDirectory, trial: Trial) -> Config:
    """Return the configuration of a trial with its first seed."""
    return trial_config(directory.raw(), directory.sweep().parameters, trial.settings)
