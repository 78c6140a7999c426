"""Convert exceptions of a training to errors with the cause and the command that continues."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from cnnzoo.errors import (
    CnnzooError,
    Interrupted,
    RunError,
    Terminated,
    TooLargeError,
    TrainingError,
)
from cnnzoo.models.objects import first_line
from cnnzoo.runs.run import Run
from cnnzoo.training.engine.batches import Batches

_OUT_OF_MEMORY = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
_OUT_OF_MEMORY_TEXTS = ("RESOURCE_EXHAUSTED", "std::bad_alloc")


def interruption_error(run: Run, terminated: bool) -> Interrupted:
    """The error of a training that was stopped, by SIGTERM or from the keyboard."""
    kind = Terminated if terminated else Interrupted
    word = "terminated" if terminated else "interrupted"
    return kind(f"{word}; the run so far is in {run}", hint=f"continue: {resume_command(run)}")


def training_error(
    error: Exception, run: Run, batch_size: int, batches: Sequence[Batches] = ()
) -> CnnzooError:
    """The error that explains an exception of a training; a CnnzooError is usually unchanged."""
    then_continue = f"then continue: {resume_command(run)}"
    for failure in (batches.failure for batches in batches):
        if failure:
            return TrainingError(
                f"a batch cannot be read: {first_line(failure)}",
                hint=f"does its file in the cache still exist? Repair it, {then_continue}",
            )
    cause = error.__cause__ if isinstance(error, RunError) else error
    if isinstance(cause, OSError):
        return _write_error(cause, run, then_continue)
    if isinstance(error, CnnzooError):
        return error
    if is_out_of_memory(error):
        return memory_error(batch_size)
    return TrainingError(
        f"the training failed: {type(error).__name__}: {first_line(error)}",
        hint=f"the run so far is in {run}; continue: {resume_command(run)}",
    )


def step_error(error: Exception, batch_size: int) -> CnnzooError:
    """The error that explains an exception of training steps that belong to no run."""
    if isinstance(error, CnnzooError):
        return error
    if is_out_of_memory(error):
        return memory_error(batch_size)
    return TrainingError(f"a step failed: {type(error).__name__}: {first_line(error)}")


def is_out_of_memory(error: Exception) -> bool:
    """Return whether a backend, or Python, could not allocate memory."""
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return any(name in kinds for name in _OUT_OF_MEMORY) or any(
        text in str(error) for text in _OUT_OF_MEMORY_TEXTS
    )


def memory_error(batch_size: int) -> TooLargeError:
    """The error for a training step that does not fit in memory."""
    return TooLargeError(
        f"a training step on {batch_size} images does not fit in memory",
        hint=f"train with training.batch_size={max(batch_size // 2, 1)}"
        if batch_size > 1
        else "use smaller images, or a smaller network",
    )


def resume_command(run: Run) -> str:
    """The command that continues a run."""
    return f"cnnzoo train --resume {run}"


def _write_error(error: OSError, run: Run, then_continue: str) -> TrainingError:
    if not run.path.is_dir():
        return TrainingError(f"the run directory {run} was removed", hint="retrain")
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return TrainingError(
            f"the disk of {run} is full: {error.strerror}",
            hint=f"its last checkpoint is intact: free some space, {then_continue}",
        )
    where = f" {error.filename}" if error.filename else ""
    return TrainingError(
        f"the run cannot be written:{where} {error.strerror or error}",
        hint=f"its last checkpoint is intact: repair the disk, {then_continue}",
    )
