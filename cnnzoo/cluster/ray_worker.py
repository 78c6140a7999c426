"""One worker of a training on Ray: it joins the others, and starts or continues the run."""

from __future__ import annotations

import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnzoo.cluster.ray_channel import SentDisplay, sending
from cnnzoo.errors import CnnzooError, RunError, TrainingError
from cnnzoo.models.backend import LEAN, load_keras
from cnnzoo.runs.run import FINISHED, RECORD, Run
from cnnzoo.training.devices import connect
from cnnzoo.training.interrupt import StopRequest
from cnnzoo.training.processes import Processes
from cnnzoo.training.progress import Display
from cnnzoo.training.resume import resume

_SECONDS = 20  # until a killed process has freed the lock of the run


@dataclass(frozen=True, slots=True)
class Task:
    """A training for each worker: the run, changes of its settings, and the channel."""

    run: Path
    overrides: tuple[str, ...]
    command: tuple[str, ...]
    device: str
    channel: Any  # the handle of an actor `ray_channel.Channel`


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
    try:
        run = _visible(task.run, number)
        if run.record().get("status") == FINISHED and not task.overrides:
            return  # a worker was lost after the end
        host, port = _meeting_point(number)
        load_keras()
        connect(Processes(host, port, count, number), run.config())
        if number:
            _train(task, run, Display(), StopRequest())
            return
        _wait_for_lock(run)
        display, request = SentDisplay(), StopRequest()
        with sending(display, lambda calls: ray.get(task.channel.send.remote(calls)), request):
            _train(task, run, display, request)
    except CnnzooError as error:
        if _may_be_lost_worker(error):
            raise RuntimeError(str(error)) from None
        ray.get(task.channel.fail.remote(number, error))


def _train(task: Task, run: Run, display: Display, request: StopRequest) -> None:
    trained = resume(
        run,
        task.overrides,
        device=task.device,
        display=display,
        command=task.command,
        stop_request=request,
    )
    if trained.path != run.path:  # the files of this worker are not those of the run
        shutil.rmtree(trained.path.parent, ignore_errors=True)


def _visible(path: Path, number: int) -> Run:
    if not (path / RECORD).is_file():
        raise RunError(
            f"worker {number} on {socket.gethostname()} does not see {path}",
            hint="--runs-dir must be on a disk that all machines share, under the same path",
        )
    return Run(path)


def _meeting_point(number: int) -> tuple[str, int]:
    """Return an address of worker 0 and a free port on it, which all workers get."""
    import ray
    import ray.train.collective

    with socket.create_server(("", 0)) as server:
        own = (str(ray.util.get_node_ip_address()), server.getsockname()[1])
    host, port = ray.train.collective.broadcast_from_rank_zero(own if number == 0 else None)
    return host, port


def _wait_for_lock(run: Run) -> None:
    """Wait until the process of a lost worker 0 has ended."""
    deadline = time.monotonic() + _SECONDS
    while run.is_training() and time.monotonic() < deadline:
        time.sleep(0.2)


def _may_be_lost_worker(error: CnnzooError) -> bool:
    """Return whether an error may be the loss of another worker: none that has a known cause."""
    return type(error) is TrainingError
