"""How a training of a study ended."""

from __future__ import annotations

from cnnzoo.errors import (
    CnnzooError,
    ConfigError,
    DivergedError,
    RunError,
    TooLargeError,
    TrainingError,
)

RUNNING, FINISHED, PRUNED = "running", "finished", "pruned"
DIVERGED, TOO_LARGE, FAILED = "diverged", "too large", "failed"


def outcome_of(error: Exception) -> str | None:
    """Return the outcome of a training that raised an error; None if the error is not its own.

    A full disk, for example, is not. An error that cnnzoo does not know is a bug, of Keras for
    example: it ends the training and not the study.
    """
    if not isinstance(error, CnnzooError):
        return FAILED
    if isinstance(error.__cause__, OSError | RunError):
        return None
    if isinstance(error, DivergedError):
        return DIVERGED
    if isinstance(error, TooLargeError):
        return TOO_LARGE
    return FAILED if isinstance(error, ConfigError | TrainingError) else None


def problem_of(error: Exception) -> str:
    """Return an error in one line."""
    if isinstance(error, CnnzooError):
        return str(error).partition("\n")[0].removeprefix("error: ")
    return f"{type(error).__name__}: {error}"
