"""1,797 handwritten digits, 8x8 gray, from the package scikit-learn.

The test set of Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI, 1998.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # naming the classes of a sample loads no NumPy
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from cnnzoo.datasets.dataset import ImageShape

COUNT = 1797
LABELS = {"digit": tuple("0123456789")}
_TABLE = ("sklearn", "datasets/data/digits.csv.gz")


def files() -> Iterable[Path]:
    """Return the path of the table in the package."""
    from cnnzoo.datasets.samples.package_tables import find_package_table

    return [find_package_table(*_TABLE)]


def read(label: str, shape: ImageShape) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return images uint8 [1797, 8, 8, 1], for any requested shape, and labels int32 [1797]."""
    from cnnzoo.datasets.samples.package_tables import read_package_table

    return read_package_table(*_TABLE, side=8, white=16)
