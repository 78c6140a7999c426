"""Train one trial of a sweep: a run for each seed, which is resumed if it was interrupted."""

from __future__ import annotations

import gc
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cnnzoo.architecture.layers import Architecture
from cnnzoo.config.located import Map
from cnnzoo.config.schema import Config
from cnnzoo.config.sweep import SweepConfig
from cnnzoo.config.trial import trial_config
from cnnzoo.errors import (
    CnnzooError,
    ConfigError,
    DivergedError,
    RunError,
    TooLargeError,
    TrainingError,
)
from cnnzoo.limits import size_text
from cnnzoo.models.backend import without_retracing_warnings
from cnnzoo.runs.run import FINISHED as RUN_FINISHED
from cnnzoo.runs.run import PRUNED as RUN_PRUNED
from cnnzoo.runs.run import RECORD, Run
from cnnzoo.studies.objectives import objective_values, objectives_of
from cnnzoo.studies.sweep_deaths import Deaths
from cnnzoo.studies.sweep_results import (
    DIVERGED,
    FAILED,
    FINISHED,
    PRUNED,
    TOO_LARGE,
    Trial,
    mean_values,
)
from cnnzoo.training.checks import check_config
from cnnzoo.training.hardware import find_hardware
from cnnzoo.training.job import Job, prepare
from cnnzoo.training.progress import Display, Metrics
from cnnzoo.training.resume import resume
from cnnzoo.training.settings import step_bytes
from cnnzoo.training.train import train_job

# The values of the objective, one per epoch → whether the trial is pruned.
Prunes = Callable[[Sequence[float]], bool]


@dataclass(frozen=True, slots=True)
class TrialTask:
    """A trial to train: its number from 1, its settings, and its runs, one for each seed."""

    raw: Map
    sweep: SweepConfig
    number: int
    settings: dict[str, Any]
    runs: list[Run]
    prunes: Prunes
    deaths: Deaths

    def config(self, seed: int = 0) -> Config:
        """Return the configuration of the run with this index of the seed; raises ConfigError."""
        config = trial_config(self.raw, self.sweep.parameters, self.settings)
        return config.model_copy(update={"seed": config.seed + seed})


def train_trial(task: TrialTask, *, device: str, display: Display, command: Sequence[str]) -> Trial:
    """Train what is missing of a trial, and return its result.

    A training that diverges, does not fit in memory or fails is a result, too; so is one whose
    process died again and again. Raises Interrupted,
    TakenOverError, and the errors of the machine: a full disk, a missing device, changed data.
    """
    outcome, problem, planned = FINISHED, "", 0
    architecture: Architecture | None = None
    try:
        for index, run in enumerate(task.runs):
            free_memory()
            config = task.config(index)
            planned = config.training.epochs * len(task.runs)
            architecture = architecture or check_config(config).architecture
            task.deaths.check()
            with without_retracing_warnings():
                pruned = _train(task, run, config, index, device, display, command)
            if pruned:
                outcome = PRUNED
                break
    except CnnzooError as error:
        kind = _outcome_of(error)
        if kind is None:
            raise
        outcome, problem = kind, str(error).partition("\n")[0].removeprefix("error: ")
    except Exception as error:  # a bug, of Keras for example, ends the trial and not the sweep
        outcome, problem = FAILED, f"{type(error).__name__}: {error}"
    return _result(task, outcome, problem, architecture, planned)


def free_memory() -> None:
    """Free what earlier trainings of this process hold; names of layers count from 1 again."""
    if keras := sys.modules.get("keras"):
        keras.utils.clear_session()
    gc.collect()


def _train(
    task: TrialTask,
    run: Run,
    config: Config,
    index: int,
    device: str,
    display: Display,
    command: Sequence[str],
) -> bool:
    """Train, or continue, one run; return whether it was pruned. Only the first run may be."""

    def ends_after(rows: Sequence[Metrics]) -> bool:
        return _prunes(task, rows if index == 0 else ())

    status = _status(run)
    if status is None:
        shutil.rmtree(run.path, ignore_errors=True)  # of a process that died before its record
        job = prepare(config, device=device, display=display)
        _check_memory(job)
        train_job(
            job,
            run.path.parent.parent,
            display=display,
            command=command,
            number=int(run.path.name),
            ends_after=ends_after,
        )
    elif status not in (RUN_FINISHED, RUN_PRUNED):
        resume(run, device=device, display=display, command=command, ends_after=ends_after)
    rows = run.history()
    stopped_early = index == 0 and len(rows) < config.training.epochs
    if not stopped_early or not _prunes(task, rows):
        return False
    run.update(status=RUN_PRUNED)
    return True


def _prunes(task: TrialTask, rows: Sequence[Metrics]) -> bool:
    objective = objectives_of(task.sweep.objective)[0]
    values = [row[objective.name] for row in rows] if objective.is_measured else []
    return task.prunes(values)


def _status(run: Run) -> str | None:
    """Return the status of a run; None if it must start."""
    if not (run.path / RECORD).exists():
        return None
    status: str | None = run.record().get("status")
    return status


def _check_memory(job: Job) -> None:
    """Raise TooLargeError if a step does not fit in the memory of the device."""
    memory = find_hardware().memory
    needed = step_bytes(job.architecture, job.settings.batch_size)
    if memory and needed > memory:
        raise TooLargeError(
            f"a step on {job.settings.batch_size} images needs about {size_text(needed)}, and the "
            f"memory is {size_text(memory)}"
        )


def _outcome_of(error: CnnzooError) -> str | None:
    """Return the outcome of a trial that raised an error; None if the error is not the trial's."""
    if isinstance(error.__cause__, OSError | RunError):
        return None  # a full disk, for example
    if isinstance(error, DivergedError):
        return DIVERGED
    if isinstance(error, TooLargeError):
        return TOO_LARGE
    return FAILED if isinstance(error, ConfigError | TrainingError) else None


def _result(
    task: TrialTask,
    outcome: str,
    problem: str,
    architecture: Architecture | None,
    planned: int,
) -> Trial:
    seed_values: list[list[float]] = []
    if outcome == FINISHED and architecture:
        objectives = objectives_of(task.sweep.objective)
        seed_values = [objective_values(objectives, run, architecture) for run in task.runs]
    runs = [run for run in task.runs if (run.path / RECORD).exists()]
    return Trial(
        number=task.number,
        outcome=outcome,
        settings=task.settings,
        values=mean_values(seed_values),
        seed_values=seed_values,
        epochs=sum(len(run.history()) for run in runs),
        of_epochs=planned,
        seconds=round(sum(run.record().get("seconds") or 0.0 for run in runs), 3),
        problem=problem,
    )
