"""Data sets from any source: named splits of images and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.pixel_digests import row_digests
from cnnzoo.errors import DataError

SPLITS = ("train", "validation", "test")

ImageShape = tuple[int, int, int]  # height, width, channels


class Images(Protocol):
    """Images uint8 [n, height, width, channels]: an array, or rows of a file, read on demand."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, height, width, channels)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8; float32 for features, which replace images in a training."""

    def __getitem__(self, rows: slice | NDArray[np.intp]) -> NDArray[np.uint8]:
        """Return the images at these rows as an array in memory."""


@dataclass(frozen=True, slots=True)
class MappedImages:
    """The rows `rows` of an array on disk, read when they are used.

    If `digests` (uint8 [n, 16]) are given, each image is compared with its digest when it is first
    read; `compared` (bool [n]) notes that.
    """

    array: NDArray[np.uint8]
    rows: NDArray[np.intp]
    digests: NDArray[np.uint8] | None = None
    compared: NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Note that no image was compared yet."""
        object.__setattr__(self, "compared", np.zeros(len(self.rows), bool))

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, height, width, channels)."""
        return (len(self.rows), *self.array.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""
        return self.array.dtype

    def __getitem__(self, rows: slice | NDArray[np.intp]) -> NDArray[np.uint8]:
        """Return the images at these rows, in memory; raise DataError if they are damaged."""
        images = np.asarray(self.array[self.rows[rows]])
        if self.digests is not None and not self.compared[rows].all():
            found = images.reshape(-1, *images.shape[-3:])  # rows [k, b] give [k, b, ...]
            new = np.flatnonzero(~self.compared[rows])
            wanted = self.digests[rows].reshape(-1, self.digests.shape[1])
            if not np.array_equal(row_digests(found, new), wanted[new]):
                raise DataError(
                    "the decoded images in the cache are damaged: their pixels changed on the disk",
                    hint="cnnzoo data cache --clear removes them; the next command decodes again",
                )
            self.compared[rows] = True
        return images


@dataclass(frozen=True, slots=True)
class Examples:
    """Images uint8 [n, height, width, channels] and labels int32 [n], indices of class names.

    `names` are their origins: paths below a folder, or rows of a table.
    """

    images: Images
    labels: NDArray[np.int32]
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Dataset:
    """The splits `train`, `validation` and `test` of one source, and its class names in order.

    `fingerprint` is a digest of pixels, labels, splits and class names: equal data sets have equal
    ones. `skipped` are the items that could not be read, each with the reason. `notes` are lines
    about the interpretation of the source: its splits, files that are not images, the range of its
    pixels. `file_range` has the values of black and white in image files, if they are not 0 and
    255; the pixels of tables and arrays are scaled when they are read.
    """

    name: str
    class_names: tuple[str, ...]
    splits: Mapping[str, Examples]
    fingerprint: str
    skipped: Mapping[str, str]
    notes: tuple[str, ...] = ()
    file_range: tuple[float, float] | None = None
