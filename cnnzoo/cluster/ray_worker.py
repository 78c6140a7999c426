"""One worker of a training on Ray: it joins the others, and starts or continues the run."""

from __future__ import annotations

import shutil
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnnzoo.cluster.ray_channel import SentDisplay, sending
from cnnzoo.cluster.ray_sweep_worker import named
from cnnzoo.cluster.stored_run import StoredRun
from cnnzoo.cluster.unshared import Unshared
from cnnzoo.errors import CnnzooError, RunError, TrainingError
from cnnzoo.models.backend import LEAN, load_keras
from cnnzoo.runs.run import FINISHED, RECORD, Run
from cnnzoo.training.devices import connect
from cnnzoo.training.interrupt import StopRequest
from cnnzoo.training.processes import Processes
from cnnzoo.training.progress import Display
from cnnzoo.training.resume import resume
from cnnzoo.training.scratch import scratch_directory

_SECONDS = 20  # until a killed process has freed the lock of the run


@dataclass(frozen=True, slots=True)
class Task:
    """A training for each worker: the run, changes of its settings, and the channel.

    With `unshared`, the workers do not see the directory of the run.
    """

    run: Path
    overrides: tuple[str, ...]
    command: tuple[str, ...]
    device: str
    channel: Any  # the handle of an actor `ray_channel.Channel`
    unshared: Unshared | None = None


class _WorkerDisplay(SentDisplay):
    """Sends the progress; copies the run to the storage, if there is one, after each checkpoint."""

    def __init__(self, task: Task, run: Run, copy: StoredRun | None) -> None:
        super().__init__()
        self._task = task
        self._run = run
        self._copy = copy

    def note(self, text: str) -> None:
        """Send a line, with the path of the run that the driver knows."""
        super().note(text.replace(str(self._run), str(self._task.run)))

    def saved(self) -> None:
        """Copy the run to the storage."""
        if self._copy:
            self._copy.push()


def train_worker(task: Task) -> None:
    """Train the run in this worker, together with the others.

    An error that a restart cannot repair is sent to the driver. Any other one is raised, and Ray
    restarts all workers, which continue from the last checkpoint.
    """
    import ray
    import ray.train

    LEAN.set(True)
    context = ray.train.get_context()
    number, count = context.get_world_rank(), context.get_world_size()
    scratch = scratch_directory()
    # Only worker 0 writes the run; the others have a copy, as it was before worker 0 starts.
    run = Run(scratch / task.run.name if number or task.unshared else task.run)
    try:
        copy = task.unshared.copy_of(run) if task.unshared else None
        host, port, version = _agreed(number, copy)
        _fetch(task, run, copy, version, number)
        if run.record().get("status") == FINISHED and not task.overrides:
            return  # a worker was lost after the end
        load_keras()
        connect(Processes(host, port, count, number), run.config())
        if number:
            _train(task, run, Display(), StopRequest())
            return
        _wait_for_lock(run)
        display, request = _WorkerDisplay(task, run, copy), StopRequest()
        with sending(display, lambda calls: ray.get(task.channel.send.remote(calls)), request):
            try:
                _train(task, run, display, request)
            except CnnzooError:
                with suppress(CnnzooError):  # the first failure is reported
                    display.saved()
                raise
            display.saved()
    except CnnzooError as error:
        if _may_be_lost_worker(error):
            raise RuntimeError(str(error)) from None
        ray.get(task.channel.fail.remote(number, _renamed(error, run, task.run)))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _train(task: Task, run: Run, display: Display, request: StopRequest) -> None:
    trained = resume(
        run,
        task.overrides,
        device=task.device,
        display=display,
        command=task.command,
        stop_request=request,
        source=task.unshared.source if task.unshared else None,
    )
    if trained.path != run.path:  # the files of this worker are not those of the run
        shutil.rmtree(trained.path.parent, ignore_errors=True)


def _fetch(task: Task, run: Run, copy: StoredRun | None, version: int, number: int) -> None:
    """Copy the run, and the data that this machine does not have."""
    worker = f"worker {number} on {socket.gethostname()}"
    if copy and task.unshared:
        try:
            copy.pull(version)
            task.unshared.get_data()
        except CnnzooError as error:
            raise named(error, worker) from error
        return
    if not (task.run / RECORD).is_file():
        raise RunError(
            f"{worker} does not see {task.run}",
            hint="--runs-dir must be on a disk that all machines share, under the same path; else "
            "use --storage-path",
        )
    if run.path != task.run:
        shutil.copytree(task.run, run.path)


def _agreed(number: int, copy: StoredRun | None) -> tuple[str, int, int]:
    """Return what worker 0 tells all workers.

    That is its address, a free port on it, and the version of the run in the storage.
    """
    import ray
    import ray.train.collective

    own = None
    if number == 0:
        with socket.create_server(("", 0)) as server:
            port = server.getsockname()[1]
        own = str(ray.util.get_node_ip_address()), port, copy.newest() if copy else 0
    host, port, version = ray.train.collective.broadcast_from_rank_zero(own)
    return host, port, version


def _renamed(error: CnnzooError, local: Run, run: Path) -> CnnzooError:
    """Return an error that names the directory of the run, not the copy of this worker."""

    def text(words: str) -> str:
        return words.replace(str(local), str(run))

    return type(error).of(
        replace(each, message=text(each.message), hint=each.hint and text(each.hint))
        for each in error.mistakes
    )


def _wait_for_lock(run: Run) -> None:
    """Wait until the process of a lost worker 0 has ended."""
    deadline = time.monotonic() + _SECONDS
    while run.is_training() and time.monotonic() < deadline:
        time.sleep(0.2)


def _may_be_lost_worker(error: CnnzooError) -> bool:
    """Return whether an error may be the loss of another worker: none that has a known cause."""
    return type(error) is TrainingError
