"""Read and write `model.keras`: a plain Keras model, with the names of its classes.

A Keras model has neither class names nor the resizing of its images. Both are in a key of
`metadata.json`, which Keras writes and does not read. They are not a separate member of the
archive: Keras unpacks an archive with more than its own three members to the disk.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from cnnzoo import limits
from cnnzoo.config.data import Finite, Name, PixelRange, Resize
from cnnzoo.config.section import Section
from cnnzoo.errors import CnnzooError, RunError
from cnnzoo.models.activations import check_activations
from cnnzoo.models.allowed import TooLargeError, check_extent, refusals, uncompiled
from cnnzoo.models.archive import (
    CONFIG,
    METADATA,
    check_members,
    copy_with,
    read_architecture,
    read_metadata,
    read_weights,
)
from cnnzoo.models.backend import load_keras
from cnnzoo.models.hdf5 import WeightsError, check_weights
from cnnzoo.models.objects import first_line
from cnnzoo.models.pending import pending_variables, recorded
from cnnzoo.runs.files import replacing

KEY = "cnnzoo"  # of metadata.json

# Called with each class that is loaded although it is not allowed.
Trust = Callable[[str], None]


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
    """The class names of a model, in the order of its outputs, and how images are resized.

    `contrast` is the range of the training images, by `cnnzoo.datasets.contrast`.
    """

    class_names: ClassNames
    resize: Resize = Field(default_factory=Resize)
    pixel_range: PixelRange | None = None
    contrast: Annotated[tuple[Finite, Finite], BeforeValidator(_tuple)] | None = None


def load_model(path: Path, *, trust: Trust | None = None) -> Any:
    """Return the Keras model in a `.keras` file, not compiled.

    The file is untrusted: only classes of the catalogue are made (`cnnzoo.models.allowed`), and
    nothing that needs more memory than `cnnzoo.limits` allows. With `trust`, any class is made, and
    Python code in the file runs; `trust` is called with each class that is not in the catalogue.

    Raises RunError if the file is missing, damaged, refused or too large.
    """
    keras = load_keras()
    if not path.is_file():
        raise RunError(
            f"{path.parent} has no {path.name}: its training did not finish an epoch",
            hint="evaluate another run, or train again",
        )
    check_members(path, assets=trust is not None)
    described, version = read_architecture(path), str(read_metadata(path).get("keras_version"))
    try:
        check_extent(described)
        _check_classes(uncompiled(described), path, version, trust)
        check_weights(io.BytesIO(read_weights(path)), path.stat().st_size)
        if trust is not None:
            return keras.saving.load_model(path, compile=False, safe_mode=False)
        with _without_compiled(described, path) as source:
            return _load(keras, source, path)
    except CnnzooError:
        raise
    except (TooLargeError, WeightsError) as error:
        raise RunError(f"{path} is refused: {error}") from None
    except Exception as error:
        if version.startswith("2."):
            raise _by_keras_2(path, version) from None
        raise RunError(
            f"Keras {keras.__version__} cannot load {path}, written by Keras {version}: "
            f"{first_line(error)}",
            hint="restore the file, or train again",
        ) from error


def _check_classes(
    described: dict[str, Any], path: Path, version: str, trust: Trust | None
) -> None:
    """Raise RunError for a class that is not allowed, or tell `trust` about it."""
    found = refusals(described)
    if trust is not None:
        for refusal in found:
            trust(str(refusal))
    elif found and version.startswith("2."):
        raise _by_keras_2(path, version)
    elif found:
        more = f", and {len(found) - 1:,} more" if found[1:] else ""
        raise RunError(
            f"{path} has a class that cnnzoo does not load: {found[0]}{more}",
            hint="build the model from layers of Keras in Python and save it; if you trust its "
            "author, predict, evaluate, explain, benchmark, export and serve load it with --trust, "
            "which runs its code",
        )


@contextmanager
def _without_compiled(described: dict[str, Any], path: Path) -> Iterator[Path]:
    """Return the file, or a copy in which nested models are not compiled: Keras compiles them."""
    model = {key: value for key, value in described.items() if key != "compile_config"}
    if uncompiled(model) == model:  # Keras ignores the compile_config of the outermost model
        yield path
        return
    with TemporaryDirectory() as folder:
        temporary = Path(folder, "model.keras")
        copy_with(path, temporary, CONFIG, json.dumps(uncompiled(model)))
        yield temporary


def _by_keras_2(path: Path, version: str) -> RunError:
    return RunError(
        f"{path} was written by Keras {version}, and Keras 3 cannot read its format",
        hint="with that Keras, save it as .h5: model.save('model.h5'); then with Keras 3: "
        "keras.saving.load_model('model.h5', compile=False).save('model.keras')",
    )


def _load(keras: ModuleType, source: Path, path: Path) -> Any:
    """Return the model in `source`, which is the file at `path` or a copy of it.

    In a StatelessScope, Keras records variables without allocating them, and the values that it
    reads from the file, so that the size is checked first.
    """
    with pending_variables(initialize=True) as scope:
        try:
            model = keras.saving.load_model(source, compile=False, safe_mode=True)
        finally:  # a network whose weights are not in the file is too large, not damaged
            _check_size(recorded(), path)
        check_activations(model, str(path))
    for variable in model.variables:
        if (value := scope.get_current_value(variable)) is not None:
            variable.assign(value)
    return model


def _check_size(variables: Iterable[Any], path: Path) -> None:
    """Raise RunError if the variables of the model in a file take too much memory."""
    needed = sum(math.prod(each.shape) * _item_bytes(each.dtype) for each in variables)
    stored = path.stat().st_size
    limit = limits.unpacked_bytes(stored)
    if needed > limit:
        raise RunError(
            f"{path} is refused: it describes a network of {limits.size_text(needed)}, and has "
            f"{limits.size_text(stored)}; the limit is {limits.size_text(limit)}"
        )


def _item_bytes(dtype: str) -> int:
    """The bytes of one value: 2 for bfloat16, 1 for bool and float8_e4m3fn."""
    digits = re.search(r"\d+", dtype)
    return max(1, int(digits[0]) // 8) if digits else 1


def save_model(model: Any, path: Path, description: Description) -> None:
    """Write a Keras model and its description, atomically; plain Keras opens the file."""
    with replacing(path) as temporary:
        model.save(temporary)
        _describe(temporary, description)


def read_description(path: Path) -> Description | None:
    """Return the description in a `.keras` file, or None if cnnzoo did not write the file.

    Raises RunError if it is damaged.
    """
    said = read_metadata(path).get(KEY)
    return None if said is None else described(said, f"the {METADATA} in {path}")


def described(said: Any, where: str) -> Description:
    """Return a description from plain values; raise RunError, with `where`, if they are damaged."""
    try:
        return Description(**said)
    except (CnnzooError, TypeError) as error:
        raise RunError(
            f"{where} is damaged: its description of the classes: {first_line(error)}",
            hint="restore the file, or train again",
        ) from None


def _describe(path: Path, description: Description) -> None:
    """Add the description to the metadata of an archive."""
    metadata = json.dumps(read_metadata(path) | {KEY: description.plain()})
    with replacing(path) as described:
        copy_with(path, described, METADATA, metadata)
