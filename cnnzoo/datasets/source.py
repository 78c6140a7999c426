"""Sources of data: the module `sources.folder` opens `data.folder`, and so on.

Such a module has `open_source(data)`, which returns a Source or raises DataError. For `data.name`
that is `sources.samples`, or `sources.tfds` if tensorflow-datasets has the data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from cnnzoo.config.data import DataConfig
from cnnzoo.config.data_names import TFDS_NAMES

if TYPE_CHECKING:  # reading only the names loads no NumPy
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from cnnzoo.datasets.images.fit import Fit
    from cnnzoo.datasets.images.workers import Progress
    from cnnzoo.datasets.items import Items


class Source(ABC):
    """An opened source of images.

    `identity` is a digest of the names, sizes and times of its files; it changes if a file changes.
    """

    identity: str
    # The key of its cache entry, if it was computed on another machine.
    cache_key: str | None = None
    # The values of black and white in the files of its images, if they are not 0 and 255.
    file_range: tuple[float, float] | None = None
    root: Path | None = None  # the folder of the files that are its items
    has_paths = True  # whether the names of its items are paths of files

    @property
    def is_prepared(self) -> bool:
        """True if its identity is known without a download."""
        return True

    @property
    def notes(self) -> Sequence[str]:
        """Return lines about its interpretation; complete after `read`."""
        return ()

    def label_values(self) -> tuple[str, ...]:
        """Return the labels of the source in order."""
        return self.items().label_values

    @abstractmethod
    def items(self) -> Items:
        """Return all items; no image is decoded."""

    def columns(self) -> Sequence[str]:
        """Return the columns of a table; empty for other sources."""
        return ()

    def column(self, name: str) -> dict[str, str]:
        """Return the value of each item in a column of a table, by the name of the item."""
        raise NotImplementedError

    def split_keys(self, items: Items, indices: NDArray[np.intp]) -> NDArray[np.uint64]:
        """Return the keys of these items, uint64 [n], which decide the splits: see `splitting`."""
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

    def file_states(self, names: Sequence[str]) -> NDArray[np.int64] | None:
        """Return the State of the file of each item with these names, int64 [n, 4].

        None if the images are not in separate files, or if a changed file may have the same State.
        """
        return None

    def inspect(  # noqa: B027 - most sources have nothing to add
        self, items: Items, indices: NDArray[np.intp], images: NDArray[np.uint8], fit: Fit
    ) -> None:
        """Add notes about the images of the items at these indices, in any order, after `read`."""


def open_source(data: DataConfig) -> Source:
    """Open the source that a configuration names; raise DataError if it does not exist."""
    module = data.source
    if data.name is not None:
        module = "tfds" if data.name in TFDS_NAMES else "samples"
    return cast(Source, import_module(f"cnnzoo.datasets.sources.{module}").open_source(data))
