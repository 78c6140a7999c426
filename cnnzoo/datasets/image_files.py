"""The common part of sources of image files: each item is a file below one folder."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.file_identity import times_tell_nothing
from cnnzoo.datasets.images.decode import UnreadableError, decode_file, no_warnings, open_image
from cnnzoo.datasets.images.decode import read_file as read_image_file
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.images.workers import Progress, decode_files
from cnnzoo.datasets.items import Items
from cnnzoo.datasets.pixel_ranges import DARK, dark_note
from cnnzoo.datasets.source import Source

LOOKED_INTO = 16  # files that are inspected for colour and for the range of the pixels
_BLOCK = 256  # images in memory at a time
_LOOK_AT = 32  # pixels a side that are enough to tell gray from colour
_SAME = 16  # of 255: channels of a gray picture differ less, even compressed

OUTSIDE = "is a link that leads out of the folder; data.follow_links=true reads it"
COLOUR_DROPPED = "the images are in colour, and the network takes gray ones: colour is dropped"


class ImageFiles(Source):
    """A source whose items are named by their paths below `root`."""

    root: Path
    files: list[str]  # paths below `root`
    states: array[int]  # of the files, one State after the other

    def __init__(self, data: DataConfig) -> None:
        self.data = data
        self.file_range = data.pixel_range
        self.found: list[str] = []  # notes

    @property
    def notes(self) -> Sequence[str]:
        """Return lines about the interpretation of the files; complete after `read`."""
        return self.found

    def read(
        self,
        items: Items,
        indices: NDArray[np.intp],
        out: np.memmap[Any, Any],
        fit: Fit,
        on_progress: Progress,
    ) -> dict[int, str]:
        """Decode the files of the items at these indices into the rows of `out`."""
        paths = [f"{self.root}/{items.names[index]}" for index in indices]
        return decode_files(paths, out, fit, on_progress)

    def file_states(self, names: Sequence[str]) -> NDArray[np.int64] | None:
        """Return the State of the file of each item with these names, int64 [n, 4]."""
        if times_tell_nothing(self.states):
            return None
        row_of = {name: row for row, name in enumerate(self.files)}
        states = np.frombuffer(self.states, np.int64).reshape(len(self.files), -1)
        return states[[row_of[name] for name in names]]

    def inspect(
        self, items: Items, indices: NDArray[np.intp], images: NDArray[np.uint8], fit: Fit
    ) -> None:
        """Add notes about lost colours and dark pixels."""
        looked_into = indices[:: max(1, len(indices) // LOOKED_INTO)]
        some = [f"{self.root}/{items.names[index]}" for index in looked_into]
        if fit.shape[2] == 1 and any(map(_has_colour, some)):
            self.found.append(COLOUR_DROPPED)
        largest = _largest(images)
        if 0 < largest <= DARK:
            largest, white = _raw_largest(some) or (largest, 255)
            self.found.append(dark_note(self.root.name, largest, white))


def is_inside(path: str, root: str) -> bool:
    """Return whether a path is below `root`, an absolute path without links."""
    real = os.path.realpath(path)
    return real == root or real.startswith(f"{root.rstrip('/')}/")


def _largest(images: NDArray[np.uint8]) -> int:
    """Return the largest pixel, or the first one above DARK."""
    largest = 0
    for start in range(0, len(images), _BLOCK):
        largest = max(largest, int(images[start : start + _BLOCK].max()))
        if largest > DARK:
            break
    return largest


def _raw_largest(paths: Sequence[str]) -> tuple[int, int] | None:
    """Return the largest stored pixel of these files, and the largest value of their type."""
    found = []
    with no_warnings():
        for path in paths:
            try:
                with open_image(read_image_file(path)) as image:
                    bits = 16 if image.mode.startswith("I;16") else 8
                    found.append((int(np.asarray(image).max()), 2**bits - 1))
            except Exception:
                continue
    return max(found, default=None)


def _has_colour(path: str) -> bool:
    """Return whether the channels of an image file differ."""
    try:
        pixels = decode_file(path, Fit((_LOOK_AT, _LOOK_AT, 3)))
    except UnreadableError:
        return False
    return float(np.percentile(np.ptp(pixels.astype(np.int16), axis=-1), 95)) > _SAME
