"""What a data set is, whatever its source: named splits of images and labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")

ImageShape = tuple[int, int, int]  # height, width, channels


@dataclass(frozen=True, slots=True)
class Examples:
    """Images uint8 [n, height, width, channels] and labels int32 [n], indices of class names."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: NDArray[np.intp]) -> Examples:
        """The examples at these indices."""
        return Examples(self.images[indices], self.labels[indices])


@dataclass(frozen=True, slots=True)
class Dataset:
    """The splits `train`, `validation` and `test` of one source, and its class names in order."""

    name: str
    class_names: tuple[str, ...]
    splits: Mapping[str, Examples]

    def fingerprint(self) -> str:
        """A digest of every pixel, label and class name; equal data sets have equal ones."""
        digest = hashlib.sha256(repr(self.class_names).encode())
        for split in SPLITS:
            examples = self.splits[split]
            digest.update(repr((split, examples.images.shape)).encode())
            digest.update(np.ascontiguousarray(examples.images).data)
            digest.update(np.ascontiguousarray(examples.labels).data)
        return digest.hexdigest()[:16]
