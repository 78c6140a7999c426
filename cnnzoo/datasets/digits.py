"""1,797 handwritten digits, 8x8 gray, as the package scikit-learn carries them.

The test set of Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI, 1998.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # naming the classes of a source loads no NumPy
    from cnnzoo.datasets.dataset import Examples, ImageShape

COUNT = 1797
LABELS = {"digit": tuple("0123456789")}


def read(label: str, shape: ImageShape) -> Examples:
    """Images uint8 [1797, 8, 8, 1] whatever the shape that is asked for; labels int32 [1797]."""
    from cnnzoo.datasets.package_tables import read_package_table

    return read_package_table("sklearn", "datasets/data/digits.csv.gz", side=8, white=16)
