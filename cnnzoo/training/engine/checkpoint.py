"""The state of a training ⇄ a file in `checkpoints/` of its run.

A checkpoint is an uncompressed `.npz`: the values of all variables, and a member of JSON for the
rest. Zip's CRC-32 of each member tells a damaged file. The two newest are kept, so that there is
one before a damaged one; each is written beside them and renamed.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from cnnzoo.errors import RunError
from cnnzoo.models.objects import first_line
from cnnzoo.runs.files import replacing

KEPT = 2

Arrays = Mapping[str, NDArray[Any]]

_NAME = re.compile(r"epoch-(\d+)-step-(\d+)\.npz")
_PLAIN = "plain"  # the member with everything that is no variable
_ARRAY = "array:"  # stands in JSON for an array, with the name of its member
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(slots=True)
class State:
    """How far a training has come, and all that it knows beside the values of its variables.

    `epoch` is how many epochs have ended, `step` how many steps of the next one are done. `logs`
    are the metrics of its steps where all of them are done and its validation is due. `rows` are
    those of `history.csv`; `best` is the largest (smallest) value of the monitored metric, reached
    in epoch `best_epoch`, counted from 1. `seconds` is the time that all of it took,
    `epoch_seconds` that of each epoch, `running` that of the epoch that has begun. `callbacks` has
    the attributes of each Keras callback.
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


def save_checkpoint(folder: Path, arrays: Arrays, state: State) -> Path:
    """Write a checkpoint, and remove all but the newest two.

    Where the disk is full, the older one makes room. Raises OSError where it cannot be written.
    """
    folder.mkdir(exist_ok=True)
    path = folder / f"epoch-{state.epoch:05}-step-{state.step:07}.npz"
    try:
        _write(path, arrays, state)
    except OSError as error:
        older = [other for other in checkpoints_in(folder) if other != path][1:]
        if error.errno not in _NO_ROOM or not older:
            raise
        for other in older:
            other.unlink()
        _write(path, arrays, state)
    keep_newest(folder, KEPT)
    return path


def keep_newest(folder: Path, count: int = 1) -> None:
    """Remove all checkpoints but the newest."""
    for other in checkpoints_in(folder)[count:]:
        other.unlink(missing_ok=True)


def newest_checkpoint(folder: Path, say: Callable[[str], None]) -> tuple[Arrays, State] | None:
    """The newest checkpoint that can be read; None where there are none.

    A damaged one is said, and removed once another was read. Raises RunError where all are damaged.
    """
    damaged: list[Path] = []
    for path in checkpoints_in(folder):
        try:
            found = read_checkpoint(path)
        except Exception as error:  # a byte that is wrong can lead to almost any
            say(f"{path} is damaged ({first_line(error)}); the one before it is used")
            damaged.append(path)
            continue
        for other in damaged:
            other.unlink()
        return found
    if damaged:
        raise RunError(
            f"no checkpoint in {folder} can be read",
            hint=f"restore one, or remove {folder} to let the run start again from its beginning",
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
    """The arrays and the state in a file; a damaged one raises some error."""
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    plain = json.loads(arrays.pop(_PLAIN).tobytes())
    for name, dtype in plain["dtypes"].items():
        arrays[name] = arrays[name].view(getattr(ml_dtypes, dtype))
    inside = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_ARRAY)}
    return arrays, State(**_with_arrays(plain["state"], inside))


def _write(path: Path, arrays: Arrays, state: State) -> None:
    members: dict[str, Any] = {**arrays}
    plain: dict[str, Any] = {"state": _without_arrays(asdict(state), members), "dtypes": {}}
    for name, array in members.items():
        if array.dtype.kind == "V":  # NumPy's files do not know bfloat16
            plain["dtypes"][name] = array.dtype.name
            members[name] = array.view(f"u{array.dtype.itemsize}")
    members[_PLAIN] = np.frombuffer(json.dumps(plain).encode(), np.uint8)
    with replacing(path) as temporary:
        np.savez(temporary, allow_pickle=False, **members)


def _without_arrays(value: Any, taken: dict[str, NDArray[Any]]) -> Any:
    """Plain values in which the name of each array stands for it."""
    match value:
        case np.generic():
            return value.item()
        case np.ndarray():
            name = f"{_ARRAY}{len(taken)}"  # of all members: none is taken twice
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
