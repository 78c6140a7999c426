"""7,000 cartoon faces, drawn from a seed, because no installable package has pictures of faces.

They differ in position, size, tilt, skin and background tone, lighting and noise, so that a linear
classifier on their pixels is far less accurate than a CNN (tested).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cnnzoo.datasets.samples.cartoon_labels import COUNT, LABELS

__all__ = ["COUNT", "LABELS", "files", "read"]

if TYPE_CHECKING:  # naming the classes of a sample loads no NumPy
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from cnnzoo.datasets.dataset import ImageShape


def files() -> Iterable[Path]:
    """Return the file of the program that draws them."""
    return [Path(__file__).with_name("cartoon_drawing.py")]


def read(label: str, shape: ImageShape) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw the faces at an image shape; every class equally often."""
    from cnnzoo.datasets.samples.cartoon_drawing import draw

    height, width, channels = shape
    return draw(label, height=height, width=width, channels=channels)
