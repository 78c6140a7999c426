"""Reading the `model.keras` of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnzoo.errors import RunError
from cnnzoo.models.backend import load_keras
from cnnzoo.models.objects import first_line


def load_model(path: Path) -> Any:
    """The Keras model in a `.keras` file, not compiled; no code in it is run.

    Raises RunError where the file is missing, damaged, or asks for code.
    """
    keras = load_keras()
    if not path.is_file():
        raise RunError(
            f"{path.parent} has no {path.name}: its training did not finish an epoch",
            hint="evaluate another run, or train again",
        )
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise RunError(
            f"{path} is damaged or no Keras model: {first_line(error)}",
            hint="restore the file, or train again",
        ) from error
