"""Decoded images of an earlier cache entry, used again for the files that did not change.

A folder that grows has a new entry for each of its states; only new and changed files are decoded.
A file is unchanged if it has the same name and state (see `file_identity`), and its pixels in the
cache the same digests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.cache import Entry, find_stored, open_entry
from cnnzoo.datasets.mapped import release, rows_per_block
from cnnzoo.datasets.pixel_digests import row_digests


@dataclass(frozen=True, slots=True)
class Decoded:
    """The items of a new entry whose images exist: their indices, and their examples in `entry`."""

    entry: Entry
    indices: NDArray[np.intp]
    examples: NDArray[np.intp]

    def copy_to(self, out: np.memmap[Any, Any]) -> bool:
        """Copy the images into the rows of `out`; return False if one is damaged."""
        rows, digests = self.entry.rows[self.examples], self.entry.digests[self.examples]
        count = rows_per_block(self.entry.images)
        for start in range(0, len(rows), count):
            some = rows[start : start + count]
            block = np.asarray(out[start : start + len(some)])
            block[:] = self.entry.images[some]
            found = row_digests(block, np.arange(len(some)))
            if not np.array_equal(found, digests[start : start + len(some)]):
                return False
            release(self.entry.images)
            release(out)
        return True


def find_decoded(key: str, names: Sequence[str], states: NDArray[np.int64]) -> Decoded | None:
    """Return the decoded images of these files in the entry of `key` that was used last.

    `key` is a digest of the folder and the conversion of its images, which `cache.finish` noted.
    """
    stored = (entry for entry in find_stored() if entry.state == "ready")
    same = next((entry for entry in stored if entry.about.get("files_key") == key), None)
    entry = open_entry(same.name) if same else None
    if entry is None:
        return None
    example_of = {name: example for example, name in enumerate(entry.names)}
    examples = np.array([example_of.get(name, -1) for name in names], np.intp)
    equal = (entry.states[examples] == states).all(axis=1) & (examples >= 0)
    indices = np.flatnonzero(equal)
    return Decoded(entry, indices, examples[indices]) if len(indices) else None
