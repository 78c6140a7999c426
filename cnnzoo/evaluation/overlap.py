"""Count the examples of other data that a run was trained on, by a digest of their pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

import numpy as np

from cnnzoo.datasets.dataset import Examples

_BLOCK = 1024  # images in memory at once


def count_in_training(measured: Iterable[Examples], training: Examples) -> int:
    """Return how many measured examples have exactly the pixels of a training example."""
    known = set(_digests(training))
    return sum(digest in known for examples in measured for digest in _digests(examples))


def _digests(examples: Examples) -> Iterator[bytes]:
    for start in range(0, len(examples), _BLOCK):
        for image in examples.images[start : start + _BLOCK]:
            yield blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()
