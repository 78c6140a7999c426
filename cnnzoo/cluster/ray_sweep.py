"""Run a sweep on a Ray cluster: each worker is a task of Ray that works on the same study.

Optuna decides about the trials as without a cluster, in the storage of the sweep. The driver looks
at the storage to show the progress, starts lost workers again, and measures the best trial.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from cnnzoo.cluster.ray_channel import Call, show, start_channel
from cnnzoo.cluster.ray_connection import (
    Workers,
    connected,
    gpus_of,
    passed_variables,
    workers_text,
)
from cnnzoo.cluster.ray_sweep_worker import SweepTask, train_in_worker
from cnnzoo.cluster.ray_tasks import Tasks
from cnnzoo.errors import Interrupted, Terminated, UserError
from cnnzoo.studies.outcomes import RUNNING
from cnnzoo.studies.progress import SweepDisplay
from cnnzoo.studies.sweep import TIMEOUT, finish_sweep, open_study
from cnnzoo.studies.sweep_directory import SweepDirectory
from cnnzoo.studies.sweep_results import SweepRecord
from cnnzoo.studies.sweep_storage import shown_url
from cnnzoo.studies.sweep_study import SweepStudy
from cnnzoo.training.interrupt import StopRequest, stop_on_signals


def sweep_on_ray(
    directory: SweepDirectory,
    workers: Workers,
    *,
    storage: str | None = None,
    timeout: float = TIMEOUT,
    device: str = "auto",
    display: SweepDisplay | None = None,
    command: Sequence[str] = (),
) -> SweepRecord:
    """Train trials on a Ray cluster until all have ended, then measure the best one here.

    Raises:
        Interrupted: a stop was requested; the current trials are given back.
        UserError: the cluster or the storage cannot be used; a directory without a study is
            removed.
        CnnzooError: a worker failed, and its message names it; the other workers were stopped.

    """
    display = display or SweepDisplay()
    again = _resume_command(directory, workers, storage)
    with ExitStack() as stack:
        try:
            _check_storage(storage)
            ray = stack.enter_context(connected(workers, again))
        except UserError:
            _remove_unused(directory)
            raise
        study = open_study(directory, storage, timeout)
        gpus = gpus_of(ray, workers)
        display.note(workers_text(ray, workers.count, gpus))
        task = SweepTask(
            directory.path.absolute(),
            storage,
            timeout,
            device if gpus or device != "auto" else "cpu",
            tuple(command),
            start_channel(ray),
        )
        with stop_on_signals() as request:
            tasks = Tasks(ray, _starter(ray, task, gpus), task.channel.stop.remote, workers.count)
            with suppress(KeyboardInterrupt):  # the second one: do not wait for checkpoints
                _follow(
                    tasks, lambda: ray.get(task.channel.take.remote())[0], study, display, request
                )
            if request.signal is not None:
                raise _interruption(directory, request, f"continue: {again}")
    if tasks.error is not None:
        raise tasks.error
    return finish_sweep(study, storage, display)


def _starter(ray: Any, task: SweepTask, gpus: int) -> Callable[[int], Any]:
    """Return the function that starts the worker of a number, and returns its reference."""
    remote = ray.remote(train_in_worker).options(
        num_cpus=1,
        num_gpus=gpus,
        max_retries=0,  # the driver starts lost workers again, and tells it
        scheduling_strategy="SPREAD",
        runtime_env={"env_vars": passed_variables()},
    )
    return lambda number: remote.remote(task, number)


class _Trials:
    """Shows the trials of a study when they start and end."""

    def __init__(self, study: SweepStudy, display: SweepDisplay) -> None:
        self._study = study
        self._display = display
        self._outcomes = {
            trial.number: trial.outcome for trial in study.results() if trial.outcome != RUNNING
        }

    def show(self) -> bool:
        """Show the changes since the last time; return whether a trial has ended."""
        ended = False
        for trial in self._study.results():
            before = self._outcomes.get(trial.number)
            if before is None:
                self._display.start(trial.number, self._study.planned(), trial.settings)
            if trial.outcome not in (before, RUNNING):
                self._display.end(trial)
                ended = True
            self._outcomes[trial.number] = trial.outcome
        return ended


def _follow(
    tasks: Tasks,
    take: Callable[[], list[Call]],
    study: SweepStudy,
    display: SweepDisplay,
    request: StopRequest,
) -> None:
    """Show the progress until all workers have ended."""
    trials, notes = _Trials(study, display), display.training()
    while tasks.are_running():
        for line in tasks.wait():
            display.note(line)
        show(take(), notes)
        if trials.show():
            tasks.trial_ended()
        if request.signal is not None:
            tasks.stop(request.signal)


def _remove_unused(directory: SweepDirectory) -> None:
    """Remove a directory that has only the configuration."""
    if [*directory.path.iterdir()] == [directory.config_path]:
        directory.config_path.unlink()
        directory.path.rmdir()


def _check_storage(storage: str | None) -> None:
    if storage is not None and storage.startswith("sqlite"):
        raise UserError(
            f"--storage {storage} is a file of SQLite, which several machines cannot share safely",
            hint="omit --storage: the trials are then in the directory of the sweep",
        )


def _resume_command(directory: SweepDirectory, workers: Workers, storage: str | None) -> str:
    stored = f" --storage {shown_url(storage)}" if storage else ""
    return f"cnnzoo sweep --resume {directory} {workers.options()}{stored}"


def _interruption(directory: SweepDirectory, request: StopRequest, hint: str) -> Interrupted:
    terminated = request.signal == signal.SIGTERM
    kind, word = (Terminated, "terminated") if terminated else (Interrupted, "interrupted")
    return kind(f"{word}; the sweep so far is in {directory}", hint=hint)
