"""The pictures of a data set in one sequence, and their traits: hashes, spread, colour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnnzoo.datasets.dataset import Dataset, ImageShape
from cnnzoo.datasets.images.fit import as_image
from cnnzoo.datasets.images.workers import Progress

SIDE = 32  # of a thumbnail, from which a perceptual hash of 64 bits is computed
BLOCK_BYTES = 2**24

# JPEG keeps the three channels of a gray picture equal except for a few steps of 255.
_SAME = 4


class Pictures:
    """All examples of a data set, split by split.

    Picture i has the name `names[i]`, the class `class_names[labels[i]]` and the split
    `split_names[splits[i]]`.
    """

    def __init__(self, dataset: Dataset) -> None:
        parts = list(dataset.splits.values())
        self.class_names = dataset.class_names
        self.split_names = tuple(dataset.splits)
        self.names = tuple(name for part in parts for name in part.names)
        self.labels = np.concatenate([part.labels for part in parts])
        self.splits = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        self._images = [part.images for part in parts]
        self._starts = np.cumsum([0, *map(len, parts)])

    def __len__(self) -> int:
        return len(self.names)

    @property
    def shape(self) -> ImageShape:
        """The height, width and channels of every picture."""
        height, width, channels = self._images[0].shape[1:]
        return height, width, channels

    def class_of(self, index: int) -> str:
        """Return the class of a picture."""
        return self.class_names[int(self.labels[index])]

    def split_of(self, index: int) -> str:
        """Return the split of a picture."""
        return self.split_names[int(self.splits[index])]

    def image(self, index: int) -> Image.Image:
        """Return one picture."""
        split = int(self.splits[index])
        row = index - self._starts[split]
        return as_image(self._images[split][row : row + 1][0])

    def blocks(self) -> Iterator[NDArray[np.uint8]]:
        """Yield all pictures in order, in blocks uint8 [k, height, width, channels]."""
        rows = max(1, BLOCK_BYTES // max(1, int(np.prod(self.shape))))
        for images in self._images:
            for start in range(0, images.shape[0], rows):
                yield images[start : start + rows]


def count_classes(pictures: Pictures) -> NDArray[np.int64]:
    """Count the pictures of each class in each split, int64 [splits, classes]."""
    counts = np.zeros((len(pictures.split_names), len(pictures.class_names)), np.int64)
    np.add.at(counts, (pictures.splits, pictures.labels), 1)
    return counts


@dataclass(frozen=True, slots=True)
class Traits:
    """The traits of n pictures.

    `contents` uint64 [n] is a digest of the pixels, `hashes` uint64 [n] the perceptual hash.
    `spreads` float32 [n] is the standard deviation of the pixel values, the largest of all
    channels. `gray` bool [n] means that all channels are equal. `thumbnails` uint8 [n, SIDE, SIDE]
    take 1 KiB each.
    """

    contents: NDArray[np.uint64]
    hashes: NDArray[np.uint64]
    spreads: NDArray[np.float32]
    gray: NDArray[np.bool_]
    thumbnails: NDArray[np.uint8]


def examine(pictures: Pictures, on_progress: Progress) -> Traits:
    """Compute the traits of all pictures, reading each once.

    The perceptual hash is ImageHash's `phash`: the signs of the 64 lowest frequencies of a cosine
    transform, which changes of size, brightness or compression hardly affect.
    """
    n = len(pictures)
    contents, hashes = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    spreads, gray = np.zeros(n, np.float32), np.ones(n, bool)
    thumbnails = np.zeros((n, SIDE, SIDE), np.uint8)
    row = 0
    for block in pictures.blocks():
        for pixels in block:
            small = as_image(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            values = np.asarray(small)
            flat = small.convert("L")
            contents[row] = int.from_bytes(blake2b(pixels.tobytes(), digest_size=8).digest())
            hashes[row] = int.from_bytes(np.packbits(imagehash.phash(flat).hash).tobytes())
            spreads[row] = values.std(axis=(0, 1)).max()
            gray[row] = values.ndim == 2 or looks_gray(values)
            thumbnails[row] = np.asarray(flat)
            row += 1
        on_progress(row, n)
    return Traits(contents, hashes, spreads, gray, thumbnails)


def looks_gray(pixels: NDArray[np.uint8]) -> bool:
    """Return whether at least 99 % of pixels uint8 [height, width, 3] have equal channels."""
    return float(np.percentile(np.ptp(pixels, axis=-1), 99)) <= _SAME
