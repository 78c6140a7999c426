"""Digests of decoded images, to find changed and equal pixels."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

_WORTH_A_THREAD = 2**14  # bytes of an image
_CHUNK_BYTES = 2**21  # that a thread hashes at a time


def row_digests(images: NDArray[np.uint8], rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return the first 16 bytes of the SHA-256 of the pixels of images, uint8 [n, 16]."""
    flat = np.asarray(images).reshape(len(images), -1)

    def digests_of(some: NDArray[np.intp]) -> bytes:
        return b"".join([hashlib.sha256(flat[row]).digest()[:16] for row in some])

    # Hashing releases Python's lock; for small images, acquiring it again costs more than it gains.
    with ThreadPoolExecutor(None if flat.shape[1] >= _WORTH_A_THREAD else 1) as pool:
        count = max(1, len(rows) * flat.shape[1] // _CHUNK_BYTES)
        chunks = pool.map(digests_of, np.array_split(rows, count))
        return np.frombuffer(b"".join(chunks), np.uint8).reshape(-1, 16)
