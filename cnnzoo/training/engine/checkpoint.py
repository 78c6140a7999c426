"""The state of a training ⇄ a file in `checkpoints/` of its run.

A checkpoint is an uncompressed `.npz`: the values of all variables, and a JSON member with the
rest. The CRC-32 of each member detects a damaged file. The two newest checkpoints are kept, in case
the newest is damaged; each is written to a temporary file and renamed. A file that expands to more
bytes than it has is rejected, so reading one takes no more memory than its size.

Values that do not change in a training, those of frozen layers, are written once, to a file that
its checkpoints name; its name has the digest of the values.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from cnnzoo.errors import RunError
from cnnzoo.models.objects import first_line
from cnnzoo.regular_files import open_regular
from cnnzoo.runs.files import replacing

KEPT = 2

Arrays = Mapping[str, NDArray[Any]]

_NAME = re.compile(r"epoch-(\d+)-step-(\d+)\.npz")
_CONSTANTS = re.compile(r"constants-([0-9a-f]{32})\.npz")
_PLAIN = "plain"  # the member with everything that is not a variable
_ARRAY = "array:"  # prefix, in JSON, of the name of the member that has an array
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(slots=True)
class State:
    """The position of a training, and its state except for the values of its variables.

    `epoch` is the number of finished epochs, `step` the number of finished steps of the next epoch.
    `logs` are the metrics of that epoch once all of its steps are done and its validation is due.
    `rows` are those of `history.csv`; `best` is the best value of the monitored metric, from epoch
    `best_epoch`, counted from 1. `seconds` is the total time, `epoch_seconds` that of each epoch,
    `running` that of the current epoch. `stopped` is set if a callback stopped the training.
    `callbacks` has the attributes of each Keras callback.
    """

    epoch: int = 0
    step: int = 0
    logs: dict[str, float] | None = None
    rows: list[dict[str, float]] = field(default_factory=list)
    best: float | None = None
    best_epoch: int | None = None
    seconds: float = 0.0
    epoch_seconds: list[float] = field(default_factory=list)
    running: float = 0.0
    stopped: bool = False
    callbacks: list[dict[str, Any]] = field(default_factory=list)


def save_constants(folder: Path, arrays: Arrays) -> str:
    """Write arrays for many checkpoints, and return the name of their file, for `save_checkpoint`.

    An intact file of the same arrays is kept. Raises OSError if it cannot be written.
    """
    folder.mkdir(exist_ok=True)
    name = f"constants-{_digest(arrays)}.npz"
    try:
        _read_constants(folder, name)
    except Exception:  # a missing file, or a wrong byte, which can raise almost anything
        _write_arrays(folder / name, arrays, {})
    return name


def save_checkpoint(
    folder: Path, arrays: Arrays, state: State, constants: str | None = None
) -> Path:
    """Write a checkpoint, and remove all but the newest two.

    `constants` is the file of `save_constants` with the rest of its arrays. If the disk is full,
    older checkpoints are removed first. Raises OSError if it cannot be written.
    """
    folder.mkdir(exist_ok=True)
    path = folder / f"epoch-{state.epoch:05}-step-{state.step:07}.npz"
    try:
        _write(path, arrays, state, constants)
    except OSError as error:
        older = [other for other in checkpoints_in(folder) if other != path][1:]
        if error.errno not in _NO_ROOM or not older:
            raise
        for other in older:
            other.unlink()
        _write(path, arrays, state, constants)
    keep_newest(folder, KEPT)
    return path


def keep_newest(folder: Path, count: int = 1) -> None:
    """Remove all but the `count` newest checkpoints."""
    for other in checkpoints_in(folder)[count:]:
        other.unlink(missing_ok=True)


def newest_checkpoint(folder: Path, note: Callable[[str], None]) -> tuple[Arrays, State] | None:
    """The newest checkpoint that can be read; None if there are none.

    A damaged one is reported to `note`, and removed once an older one was read. Raises RunError if
    all are damaged.
    """
    damaged: list[Path] = []
    for path in checkpoints_in(folder):
        try:
            found = read_checkpoint(path)
        except Exception as error:  # a wrong byte can raise almost anything
            note(f"{path} is damaged ({first_line(error)}); using the one before it")
            damaged.append(path)
            continue
        for other in damaged:
            other.unlink()
        return found
    if damaged:
        raise RunError(
            f"no checkpoint in {folder} can be read",
            hint=f"restore one, or remove {folder} to restart the run from its first epoch",
        )
    return None


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first."""
    found = []
    if folder.is_dir():
        for path in folder.iterdir():
            if match := _NAME.fullmatch(path.name):
                found.append((int(match[1]), int(match[2]), path))
    return [path for *_, path in sorted(found, reverse=True)]


def read_checkpoint(path: Path) -> tuple[Arrays, State]:
    """The arrays and the state in a file; a damaged file raises any exception.

    The arrays include those of `save_constants`.
    """
    arrays, plain = _read_arrays(path)
    inside = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_ARRAY)}
    if (constants := plain.get("constants")) is not None:
        arrays |= _read_constants(path.parent, constants)
    return arrays, State(**_with_arrays(plain["state"], inside))


def _read_constants(folder: Path, name: str) -> dict[str, NDArray[Any]]:
    """The arrays in a file of `save_constants`; a damaged file raises any exception."""
    match = _CONSTANTS.fullmatch(name)
    if match is None:
        raise ValueError(f"it names {name!r}, not a file constants-….npz")
    arrays, _ = _read_arrays(folder / name)
    if _digest(arrays) != match[1]:
        raise ValueError(f"{name} has other values than those of its name")
    return arrays


def _read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays of `_write_arrays`, and the JSON next to them."""
    _check_size(path)
    with open_regular(path) as opened, np.load(opened, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    plain: dict[str, Any] = json.loads(arrays.pop(_PLAIN).tobytes())
    for name, dtype in plain["dtypes"].items():
        arrays[name] = arrays[name].view(getattr(ml_dtypes, dtype))
    return arrays, plain


def _write_arrays(path: Path, arrays: Arrays, plain: dict[str, Any]) -> None:
    """Write arrays, and values as JSON, atomically."""
    members, dtypes = {**arrays}, {}
    for name, array in members.items():
        if array.dtype.kind == "V":  # `.npz` files cannot hold bfloat16
            dtypes[name] = array.dtype.name
            members[name] = array.view(f"u{array.dtype.itemsize}")
    text = json.dumps({**plain, "dtypes": dtypes})
    members[_PLAIN] = np.frombuffer(text.encode(), np.uint8)
    with replacing(path) as temporary:
        np.savez(temporary, allow_pickle=False, **members)


def _digest(arrays: Arrays) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _check_size(path: Path) -> None:
    """Raise ValueError for a file whose members have more bytes than the file."""
    with open_regular(path) as file, ZipFile(file) as archive:
        declared = sum(member.file_size for member in archive.infolist())
        size = path.stat().st_size
    if declared > size:
        raise ValueError(f"its members have {declared:,} bytes, but the file has {size:,}")


def _write(path: Path, arrays: Arrays, state: State, constants: str | None) -> None:
    members: dict[str, Any] = {**arrays}
    plain: dict[str, Any] = {"state": _without_arrays(asdict(state), members)}
    if constants is not None:
        plain["constants"] = constants
    _write_arrays(path, members, plain)


def _without_arrays(value: Any, taken: dict[str, NDArray[Any]]) -> Any:
    """Plain values in which each array is replaced by the name of its member."""
    match value:
        case np.generic():
            return value.item()
        case np.ndarray():
            name = f"{_ARRAY}{len(taken)}"  # unique, because it counts all members
            taken[name] = value
            return name
        case dict():
            return {key: _without_arrays(item, taken) for key, item in value.items()}
        case list():
            return [_without_arrays(item, taken) for item in value]
    return value


def _with_arrays(value: Any, taken: Arrays) -> Any:
    match value:
        case str():
            return taken.get(value, value)
        case dict():
            return {key: _with_arrays(item, taken) for key, item in value.items()}
        case list():
            return [_with_arrays(item, taken) for item in value]
    return value
