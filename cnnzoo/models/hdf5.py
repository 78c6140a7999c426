"""Check HDF5 files with weights before their values are read.

A dataset can declare any shape and store nothing, and a link can lead to another file or to the
same dataset many times. Keras reads each dataset as a whole.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, BinaryIO

from cnnzoo import limits


class WeightsError(Exception):
    """Weights that are not read; the message is the reason, with the numbers."""


def check_weights_file(path: Path) -> None:
    """Raise WeightsError if an HDF5 file is unsafe to read, OSError if it cannot be read."""
    check_weights(path, path.stat().st_size)


def check_weights(source: Path | BinaryIO, stored: int) -> None:
    """Raise WeightsError if the weights in an HDF5 file are unsafe to read.

    `stored` is the size of the file in bytes. Refused are links other than hard links, values in
    other files, and values that take more memory than `limits.unpacked_bytes(stored)`. Raises
    OSError, or another error of h5py, if the file is damaged.
    """
    import h5py  # loads NumPy, which `cnnzoo check` and `show` do not need

    limit = limits.unpacked_bytes(stored)
    declared = count = 0
    with h5py.File(source, "r") as file:
        stack: list[Any] = [file]
        while stack:
            group = stack.pop()
            for name in group:
                count += 1
                if count > limits.OBJECTS:
                    raise WeightsError(f"its weights have more than {limits.OBJECTS:,} parts")
                if group.get(name, getclass=True, getlink=True) is not h5py.HardLink:
                    raise WeightsError(f"its weights have a link to another place: {name}")
                part = group[name]
                if isinstance(part, h5py.Group):
                    stack.append(part)
                    continue
                declared += _bytes(part, name)
                if declared > limit:
                    raise WeightsError(
                        f"its weights take {limits.size_text(declared)} or more, and the file has "
                        f"{limits.size_text(stored)}; the limit is {limits.size_text(limit)}"
                    )


def _bytes(dataset: Any, name: str) -> int:
    """Return the memory needed to read a dataset; a chunk can be larger than the dataset."""
    import h5py

    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "biufV":
        raise WeightsError(f"its weights have a part that is not an array of numbers: {name}")
    if dataset.external or dataset.is_virtual:
        raise WeightsError(f"its weights have values in another file: {name}")
    values = max(math.prod(dataset.shape or ()), math.prod(dataset.chunks or ()))
    return values * int(dataset.dtype.itemsize)
