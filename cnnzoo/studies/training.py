"""Train one run of a study, or continue it if it was interrupted."""

from __future__ import annotations

import gc
import shutil
import sys
from collections.abc import Sequence

from cnnzoo.config.schema import Config
from cnnzoo.errors import TooLargeError
from cnnzoo.limits import size_text
from cnnzoo.models.backend import without_retracing_warnings
from cnnzoo.runs.run import FINISHED, PRUNED, RECORD, Run
from cnnzoo.training.hardware import find_hardware
from cnnzoo.training.interrupt import StopRequest
from cnnzoo.training.job import Job, prepare
from cnnzoo.training.progress import Display, EndsAfter
from cnnzoo.training.resume import resume
from cnnzoo.training.settings import step_bytes
from cnnzoo.training.train import train_job


def train_run(
    run: Run,
    config: Config,
    *,
    device: str,
    display: Display,
    command: Sequence[str],
    ends_after: EndsAfter | None = None,
    stop_request: StopRequest | None = None,
) -> None:
    """Train what is missing of a run, which has the name of the configuration and a number.

    Raises what `train` and `resume` raise, and TooLargeError if a step does not fit in memory.
    """
    _free_memory()
    status = _status(run)
    with without_retracing_warnings():
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
                stop_request=stop_request,
            )
        elif status not in (FINISHED, PRUNED):
            resume(
                run,
                device=device,
                display=display,
                command=command,
                ends_after=ends_after,
                stop_request=stop_request,
                together=False,
            )


def _free_memory() -> None:
    """Free what earlier trainings of this process hold; names of layers count from 1 again."""
    if keras := sys.modules.get("keras"):
        keras.utils.clear_session()
    gc.collect()


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
