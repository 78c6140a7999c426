"""Reading and writing `model.keras`: plain Keras, which also says what its outputs mean.

A model knows neither the names of its classes nor how the pictures were made to fit its input. Both
are a key of the file's `metadata.json`, which Keras writes and never reads. They are no member of
their own, because Keras unpacks an archive that has more than its own three to the disk.
"""

from __future__ import annotations

import json
import shutil
from copy import copy
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZipFile

from pydantic import AfterValidator, BeforeValidator, Field

from cnnzoo.config.data import Name, Resize
from cnnzoo.config.section import Section
from cnnzoo.errors import CnnzooError, RunError
from cnnzoo.models.archive import METADATA, read_metadata
from cnnzoo.models.backend import load_keras
from cnnzoo.models.objects import first_line
from cnnzoo.runs.files import replacing

KEY = "cnnzoo"  # of metadata.json


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _are_different(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("has a name twice")
    return names


# At least two names, in the order of a model's outputs.
ClassNames = Annotated[
    tuple[Name, ...],
    BeforeValidator(_tuple),
    Field(min_length=2),
    AfterValidator(_are_different),
]


class Description(Section):
    """What a model does not know of itself: its class names in order, and how pictures fit it."""

    class_names: ClassNames
    resize: Resize = Field(default_factory=Resize)


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


def save_model(model: Any, path: Path, description: Description) -> None:
    """Write a Keras model and its description, atomically; plain Keras opens the file."""
    with replacing(path) as temporary:
        model.save(temporary)
        _describe(temporary, description)


def read_description(path: Path) -> Description | None:
    """What a `.keras` file says of its classes; None where cnnzoo did not write it.

    Raises RunError where that is damaged.
    """
    said = read_metadata(path).get(KEY)
    return None if said is None else described(said, f"the {METADATA} in {path}")


def described(said: Any, where: str) -> Description:
    """A description from plain values; raises RunError, with `where` they are, for others."""
    try:
        return Description(**said)
    except (CnnzooError, TypeError) as error:
        raise RunError(
            f"{where} is damaged: what it says of the classes: {first_line(error)}",
            hint="restore the file, or train again",
        ) from None


def _describe(path: Path, description: Description) -> None:
    """Add a key to the metadata of an archive, every other member as it is."""
    metadata = json.dumps(read_metadata(path) | {KEY: description.plain()})
    with replacing(path) as described, ZipFile(path) as old, ZipFile(described, "w") as new:
        for member in old.infolist():
            if member.filename == METADATA:
                new.writestr(METADATA, metadata)
                continue
            # Written under the old entry, whose size says whether it needs 64 bits.
            with old.open(member) as source, new.open(copy(member), "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)
