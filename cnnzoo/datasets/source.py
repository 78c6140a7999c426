"""The sources of data: for each key of `data` that names one, the module that opens it.

A source module has `open_source(data)`, which gives a Source or raises DataError. A sample that is
named (`data: mnist5k`) has a module of its own: see `cnnzoo.datasets.sources.samples`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from cnnzoo.config.data import DataConfig
from cnnzoo.config.data_names import TFDS_NAMES

if TYPE_CHECKING:  # numpy stays away from who only asks for the names
    import numpy as np
    from numpy.typing import NDArray

    from cnnzoo.datasets.images.fit import Fit
    from cnnzoo.datasets.images.workers import Progress
    from cnnzoo.datasets.items import Items

SOURCES = {
    "name": "cnnzoo.datasets.sources.samples",
    "folder": "cnnzoo.datasets.sources.folder",
    "csv": "cnnzoo.datasets.sources.csv",
    "arrays": "cnnzoo.datasets.sources.arrays",
    "tfds": "cnnzoo.datasets.sources.tfds",
}


class Source(ABC):
    """An opened source of images.

    `identity` is a digest of the files behind it, by names, sizes and times; it is had without
    reading them, and differs as soon as one of them does.
    """

    identity: str

    @property
    def is_prepared(self) -> bool:
        """Whether its identity is known without a download."""
        return True

    @property
    def notes(self) -> Sequence[str]:
        """Lines about how it was understood; complete after `read`."""
        return ()

    def label_values(self) -> tuple[str, ...]:
        """What it calls its labels, in order."""
        return self.items().label_values

    @abstractmethod
    def items(self) -> Items:
        """Everything that it offers, with nothing decoded."""

    def split_keys(self, items: Items, indices: NDArray[np.intp]) -> NDArray[np.uint64]:
        """Return what decides which of these items are held out, uint64 [n]: see `splitting`."""
        from cnnzoo.datasets.splitting import name_keys

        if items.keys is not None:
            return items.keys[indices]
        return name_keys(items.names[index] for index in indices.tolist())

    @abstractmethod
    def read(
        self,
        items: Items,
        indices: NDArray[np.intp],
        out: np.memmap[Any, Any],
        fit: Fit,
        on_progress: Progress,
    ) -> dict[int, str]:
        """Write the items at these indices into the rows of `out`, uint8 [n, height, width, c].

        Returns the rows that could not be read, each with the reason.
        """


def open_source(data: DataConfig) -> Source:
    """The source that a configuration names; raises DataError where it is not there."""
    key = "tfds" if data.name in TFDS_NAMES else data.source
    return cast(Source, import_module(SOURCES[key]).open_source(data))
