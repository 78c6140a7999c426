"""Images in a file that is mapped into memory, used a block at a time.

Pages of a map that were used count as memory of the process until the system needs them. Here they
are given back after each block, so the peak memory does not grow with the file.
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 2**24


def blocks(images: NDArray[np.uint8]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the index of the first image of each block, and its images; release it afterwards."""
    count = rows_per_block(images)
    for start in range(0, len(images), count):
        yield start, images[start : start + count]
        release(images)


def rows_per_block(images: NDArray[np.uint8]) -> int:
    """Return how many images are in a block."""
    return max(1, BLOCK_BYTES // max(1, images[:1].nbytes))


def release(array: NDArray[Any]) -> None:
    """Give the pages of a map back to the system; the file, and the array, keep the content."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)


def checksum_of(images: NDArray[np.uint8]) -> int:
    """Return the CRC-32 of all pixels; takes about 0.25 s of processor time per GiB."""
    checksum = 0
    for _, block in blocks(images):
        checksum = zlib.crc32(block.data, checksum)
    return checksum


def in_memory(images: NDArray[np.uint8], rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return a copy of the images at these rows.

    They are copied in the order of the file: a few rows may be spread over all of it.
    """
    copy = np.empty((len(rows), *images.shape[1:]), np.uint8)
    order = np.argsort(rows, kind="stable")
    count = rows_per_block(images)
    ends = np.searchsorted(rows[order], range(count, len(images), count))
    for some in np.split(order, ends):
        copy[some] = images[rows[some]]
        release(images)
    return copy
