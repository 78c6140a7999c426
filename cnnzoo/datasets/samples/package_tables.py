"""Image tables in installed packages, read without importing the packages.

A row is the pixels of an image and its label, as gzipped comma-separated integers. Reading the
file here takes a fraction of the time of the packages' own text parsers.
"""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnzoo.errors import DataError


def find_package_table(package: str, path: str) -> Path:
    """Return the path of a table in a package; raise DataError if it is not installed."""
    spec = find_spec(package)
    folders = (spec.submodule_search_locations or ()) if spec else ()
    file = next((file for folder in folders if (file := Path(folder) / path).is_file()), None)
    if file is None:
        raise DataError(
            f"the package {package} with its {path} is not installed",
            hint=f"pip install {package}",
        )
    return file


def read_package_table(
    package: str, path: str, *, side: int, white: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the square gray images of a table, uint8 [n, side, side, 1], and their labels.

    `white` is the pixel value that becomes 255.
    """
    text = gzip.decompress(find_package_table(package, path).read_bytes()).decode("ascii")
    values = np.fromstring(text.replace("\n", ","), dtype=np.float32, sep=",")
    table = values.reshape(-1, side * side + 1)
    images = np.rint(table[:, :-1] * (255 / white)).astype(np.uint8)
    return images.reshape(-1, side, side, 1), table[:, -1].astype(np.int32)
