"""What stops a training → what the user reads: what happened, and how to go on."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from cnnzoo.errors import CnnzooError, Interrupted, RunError, Terminated, TrainingError
from cnnzoo.models.objects import first_line
from cnnzoo.runs.run import Run
from cnnzoo.training.engine.batches import Batches

_OUT_OF_MEMORY = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
_OUT_OF_MEMORY_TEXTS = ("RESOURCE_EXHAUSTED", "std::bad_alloc")


def interrupted(run: Run, terminated: bool) -> Interrupted:
    """A training that was asked to stop, by SIGTERM or from the keyboard."""
    kind = Terminated if terminated else Interrupted
    word = "terminated" if terminated else "interrupted"
    return kind(f"{word}; the run so far is in {run}", hint=f"go on with: {resume_command(run)}")


def explained(
    error: Exception, run: Run, batch_size: int, batches: Sequence[Batches] = ()
) -> CnnzooError:
    """The error that says what another one means for this run."""
    go_on = f"then go on with: {resume_command(run)}"
    for failure in (batches.failure for batches in batches):
        if failure:
            return TrainingError(
                f"a batch cannot be read: {first_line(failure)}",
                hint=f"is the entry in the cache still there? Repair it, {go_on}",
            )
    cause = error.__cause__ if isinstance(error, RunError) else error
    if isinstance(cause, OSError):
        return _not_written(cause, run, go_on)
    if isinstance(error, CnnzooError):
        return error
    if is_out_of_memory(error):
        return no_memory(batch_size)
    return TrainingError(
        f"the training failed: {type(error).__name__}: {first_line(error)}",
        hint=f"the run so far is in {run}; go on with: {resume_command(run)}",
    )


def is_out_of_memory(error: Exception) -> bool:
    """Whether a backend, or Python, has no memory left."""
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return any(name in kinds for name in _OUT_OF_MEMORY) or any(
        text in str(error) for text in _OUT_OF_MEMORY_TEXTS
    )


def no_memory(batch_size: int) -> TrainingError:
    """The error that says that a step needs more memory than there is."""
    return TrainingError(
        f"the memory does not hold a training step on {batch_size} images",
        hint=f"train with training.batch_size={max(batch_size // 2, 1)}"
        if batch_size > 1
        else "take smaller images, or a smaller network",
    )


def resume_command(run: Run) -> str:
    """The command that goes on with a run."""
    return f"cnnzoo train --resume {run}"


def _not_written(error: OSError, run: Run, go_on: str) -> TrainingError:
    if not run.path.is_dir():
        return TrainingError(f"the run directory {run} has vanished", hint="train again")
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return TrainingError(
            f"no room is left on the disk of {run}: {error.strerror}",
            hint=f"its last checkpoint is good: make room, {go_on}",
        )
    where = f" {error.filename}" if error.filename else ""
    return TrainingError(
        f"the run cannot be written:{where} {error.strerror or error}",
        hint=f"its last checkpoint is good: repair that, {go_on}",
    )
