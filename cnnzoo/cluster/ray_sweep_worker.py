"""One worker of a sweep on Ray: a further process on the same study."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnnzoo.cluster.ray_channel import SentDisplay, sending
from cnnzoo.errors import CnnzooError, Interrupted, RunError
from cnnzoo.models.backend import LEAN
from cnnzoo.studies.progress import SweepDisplay
from cnnzoo.studies.sweep import open_study, train_trials
from cnnzoo.studies.sweep_directory import SweepDirectory
from cnnzoo.training.interrupt import StopRequest
from cnnzoo.training.progress import Display


@dataclass(frozen=True, slots=True)
class SweepTask:
    """What a worker needs: the directory of the sweep, its options, and the channel."""

    directory: Path
    storage: str | None
    timeout: float
    device: str
    command: tuple[str, ...]
    channel: Any  # the handle of an actor `ray_channel.Channel`


def train_in_worker(task: SweepTask, number: int) -> CnnzooError | None:
    """Train trials until all have ended; return None.

    Returns the error that ended this worker before, or Interrupted if it was stopped.
    """
    import ray

    LEAN.set(True)
    # `ray.cancel` is lost in a worker that imports something, so the channel has the request.
    sent, request = SentDisplay(), StopRequest()
    try:
        with sending(sent, lambda calls: ray.get(task.channel.send.remote(calls)), request):
            study = open_study(_visible(task.directory), task.storage, task.timeout)
            train_trials(
                study,
                task.storage,
                device=task.device,
                display=_SentNotes(sent),
                command=task.command,
                stop_request=request,
            )
    except KeyboardInterrupt:
        return Interrupted("a signal stopped it")  # of the driver, or of its own machine
    except CnnzooError as error:
        return named(error, f"worker {number} on {socket.gethostname()}")
    return None


def named(error: CnnzooError, worker: str) -> CnnzooError:
    """Return an error whose messages name the worker."""
    return type(error).of(
        replace(mistake, message=f"{worker}: {mistake.message}") for mistake in error.mistakes
    )


def _visible(path: Path) -> SweepDirectory:
    directory = SweepDirectory.at(path)
    if directory is None:
        raise RunError(
            f"{path} does not exist on this machine",
            hint="--sweeps-dir must be on a disk that all machines share, under the same path",
        )
    return directory


class _SentNotes(SweepDisplay):
    """Sends notes; the driver sees the trials themselves in the storage."""

    def __init__(self, sent: SentDisplay) -> None:
        self.sent = sent

    def note(self, text: str) -> None:
        self.sent.note(text)

    def training(self) -> Display:
        return _TrainingNotes(self.sent)


class _TrainingNotes(Display):
    def __init__(self, sent: SentDisplay) -> None:
        self.sent = sent

    def note(self, text: str) -> None:
        self.sent.note(text)
