"""Train one run on several workers of a Ray cluster, with Ray Train's `JaxTrainer`.

The driver creates the run directory, which all machines must see under the same path, unless a
storage takes its place (`unshared`). The workers train it as several processes of
`training.devices: all` do; worker 0 writes it. If a worker is lost, Ray restarts all of them, and
they continue from the last checkpoint.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from cnnzoo.cluster.ray_channel import pause, show, start_channel
from cnnzoo.cluster.ray_connection import (
    Workers,
    connected,
    environment,
    gpus_of,
    workers_text,
)
from cnnzoo.cluster.ray_worker import Task, train_worker
from cnnzoo.cluster.unshared import storage_of, unshared
from cnnzoo.errors import CnnzooError, Interrupted, TrainingError
from cnnzoo.models.objects import first_line
from cnnzoo.runs.run import Run
from cnnzoo.training.failures import interruption_error, resume_command
from cnnzoo.training.interrupt import StopRequest, stop_on_signals
from cnnzoo.training.progress import Display

_BOOKKEEPING = ".ray"  # the folder of Ray Train's own files
RESTARTS = 3  # after the loss of a worker
_GRACE = 20  # seconds that the other workers have to end after one failed for good


def train_on_ray(
    run: Run,
    workers: Workers,
    *,
    overrides: Sequence[str] = (),
    display: Display | None = None,
    command: Sequence[str] = (),
) -> Run:
    """Start or continue a run on a Ray cluster, and return the run.

    Raises what `training.resume` raises, in the words of the worker that failed first, and
    UserError if the cluster cannot be used.
    """
    display = display or Display()
    here = Run(run.path.absolute())  # as the workers name it in their hints
    again = f"{resume_command(run)} {workers.options()}"
    url = storage_of(run, workers.storage)
    _remove_bookkeeping(run)
    try:
        with connected(workers, again) as ray:
            gpus = gpus_of(ray, workers)
            display.note(workers_text(ray, workers.count, gpus))
            with unshared(run, url, display) if url else nullcontext() as parts:
                channel = start_channel(ray)
                task = Task(here.path, tuple(overrides), tuple(command), "auto", channel, parts)
                _follow(_Fit(_trainer(task, workers.count, gpus)), ray, channel, display, here)
    except CnnzooError as error:
        raise _continued_by(error, resume_command(here), again) from error
    finally:
        display.stop()
        _remove_bookkeeping(run)
    return run


class _Fit:
    """The training in a thread, so that the main thread shows progress and receives Ctrl-C."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.trainer.fit()
        except Exception as error:  # Ray raises errors of many kinds
            self.error = error


def _remove_bookkeeping(run: Run) -> None:
    """Remove the files of Ray Train, also those of a driver that was killed."""
    shutil.rmtree(run.path / _BOOKKEEPING, ignore_errors=True)


def _trainer(task: Task, count: int, gpus: int) -> Any:
    from ray import train
    from ray.train.v2.jax import JaxConfig, JaxTrainer

    return JaxTrainer(
        train_worker,
        train_loop_config=task,
        # The workers connect JAX themselves: `training.rendezvous` names the one that is missing.
        jax_config=JaxConfig(),
        scaling_config=train.ScalingConfig(
            num_workers=count,
            use_gpu=gpus > 0,
            resources_per_worker={"CPU": 1, **({"GPU": gpus} if gpus else {})},
        ),
        run_config=train.RunConfig(
            name="train",
            **_bookkeeping(task),
            failure_config=train.FailureConfig(max_failures=RESTARTS, controller_failure_limit=0),
            worker_runtime_env={"env_vars": environment(gpus, shared=task.unshared is None)},
        ),
    )


def _bookkeeping(task: Task) -> dict[str, Any]:
    """Return the place for the files of Ray Train."""
    if task.unshared is None:
        return {"storage_path": str(task.run / _BOOKKEEPING)}
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    name = f"{task.unshared.folder}/{_BOOKKEEPING}"
    files, path = task.unshared.storage().filesystem(name)
    return {"storage_path": path, "storage_filesystem": PyFileSystem(FSSpecHandler(files))}


def _follow(fit: _Fit, ray: Any, channel: Any, display: Display, run: Run) -> None:
    """Show the progress until the training ends; raise the error of the worker that failed."""
    with stop_on_signals() as request:
        try:
            errors = _exchange(fit, ray, channel, display, request)
        except KeyboardInterrupt:  # the second one: do not wait for a checkpoint
            raise interruption_error(run, terminated=False) from None
    if errors:
        raise _first(errors)
    if fit.error is not None:
        raise TrainingError(
            f"the training on Ray failed: {_cause(fit.error)}",
            hint=f"the run so far is in {run}; continue: {resume_command(run)}",
        ) from fit.error


def _exchange(
    fit: _Fit, ray: Any, channel: Any, display: Display, request: StopRequest
) -> list[tuple[int, CnnzooError]]:
    """Exchange progress for a stop request until the workers end; return their errors."""
    stop_sent, failed_at = False, None
    while True:
        is_running = fit.thread.is_alive()
        calls, errors = ray.get(channel.take.remote())
        show(calls, display)
        if request.signal is not None and not stop_sent:
            ray.get(channel.stop.remote(request.signal))
            stop_sent = True
        failed_at = failed_at or (time.monotonic() if errors else None)
        if not is_running or (failed_at and time.monotonic() - failed_at > _GRACE):
            return list(errors)
        pause()


def _first(errors: Sequence[tuple[int, CnnzooError]]) -> CnnzooError:
    """Return the error to show: a stop of worker 0, or else the first error that is its own."""
    for _, error in sorted(errors, key=lambda pair: pair[0]):
        if isinstance(error, Interrupted):
            return error
    return errors[0][1]


def _cause(error: Exception) -> str:
    """Return the reason in the errors of the workers that Ray has collected."""
    failures = getattr(error, "worker_failures", {})
    for number, failure in sorted(failures.items()):
        return f"worker {number}: {first_line(failure)}"
    return first_line(error)


def _continued_by(error: CnnzooError, plain: str, again: str) -> CnnzooError:
    """Return an error whose hint has the command that continues on the cluster."""
    return type(error).of(
        replace(mistake, hint=mistake.hint and mistake.hint.replace(plain, again))
        for mistake in error.mistakes
    )
