"""Train one trial of a sweep: a run for each seed, which is resumed if it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cnnzoo.architecture.layers import Architecture
from cnnzoo.config.located import Map
from cnnzoo.config.schema import Config
from cnnzoo.config.sweep import SweepConfig
from cnnzoo.config.trial import trial_config
from cnnzoo.runs.run import PRUNED as RUN_PRUNED
from cnnzoo.runs.run import RECORD, Run
from cnnzoo.studies.objectives import objective_values, objectives_of
from cnnzoo.studies.outcomes import FINISHED, PRUNED, outcome_of, problem_of
from cnnzoo.studies.sweep_deaths import Deaths
from cnnzoo.studies.sweep_results import Trial, mean_values
from cnnzoo.studies.training import train_run
from cnnzoo.training.checks import check_config
from cnnzoo.training.interrupt import StopRequest
from cnnzoo.training.progress import Display, Metrics

# The values of the objective, one per epoch → whether the trial is pruned.
Prunes = Callable[[Sequence[float]], bool]


@dataclass(frozen=True, slots=True)
class TrialTask:
    """A trial to train: its number from 1, its settings, and its runs, one for each seed.

    The signal of `stop_request` stops the training, as Ctrl-C and SIGTERM do.
    """

    raw: Map
    sweep: SweepConfig
    number: int
    settings: dict[str, Any]
    runs: list[Run]
    prunes: Prunes
    deaths: Deaths
    stop_request: StopRequest | None = None

    def config(self, seed: int = 0) -> Config:
        """Return the configuration of the run with this index of the seed; raises ConfigError."""
        config = trial_config(self.raw, self.sweep.parameters, self.settings)
        return config.model_copy(update={"seed": config.seed + seed})


def train_trial(task: TrialTask, *, device: str, display: Display, command: Sequence[str]) -> Trial:
    """Train what is missing of a trial, and return its result.

    A training that diverges, does not fit in memory or fails is a result, too; so is one whose
    process died again and again. Raises Interrupted, TakenOverError, and the errors of the machine:
    a full disk, a missing device, changed data.
    """
    outcome, problem, planned = FINISHED, "", 0
    architecture: Architecture | None = None
    try:
        for index, run in enumerate(task.runs):
            config = task.config(index)
            planned = config.training.epochs * len(task.runs)
            architecture = architecture or check_config(config).architecture
            task.deaths.check()
            if _train(task, run, config, index, device, display, command):
                outcome = PRUNED
                break
    except Exception as error:
        kind = outcome_of(error)
        if kind is None:
            raise
        outcome, problem = kind, problem_of(error)
    return _result(task, outcome, problem, architecture, planned)


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

    train_run(
        run,
        config,
        device=device,
        display=display,
        command=command,
        ends_after=ends_after,
        stop_request=task.stop_request,
    )
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
