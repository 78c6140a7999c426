"""7,000 cartoon faces, drawn from a seed: a stand-in where no package carries pictures of faces.

They differ in position, size, tilt, skin and background tone, lighting and noise, so that a linear
classifier on their pixels stays far below a CNN (a test holds this).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # naming the classes of a source loads no NumPy
    from cnnzoo.datasets.dataset import Examples, ImageShape

COUNT = 7000
LABELS: dict[str, tuple[str, ...]] = {
    "emotion": ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"),
    "smile": ("no_smile", "smile"),
}


def read(label: str, shape: ImageShape) -> Examples:
    """The faces, drawn at the image shape that is asked for; every class equally often."""
    from cnnzoo.datasets.cartoon_drawing import draw
    from cnnzoo.datasets.dataset import Examples

    height, width, channels = shape
    return Examples(*draw(label, height=height, width=width, channels=channels))
