"""The sources of data: `data.folder` is opened by the module `sources.folder`, and so on.

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

if TYPE_CHECKING:  # numpy stays away from who only asks for the names
    import numpy as np
    from numpy.typing import NDArray

    from cnnzoo.datasets.images.fit import Fit
    from cnnzoo.datasets.images.workers import Progress
    from cnnzoo.datasets.items import Items


class Source(ABC):
    """An opened source of images.

    `identity` is a digest of its files, by names, sizes and times: they are not read for it, and it
    changes when one of them does.
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
        """Return the labels as the source has them, in order."""
        return self.items().label_values

    @abstractmethod
    def items(self) -> Items:
        """Return all items; no image is decoded."""

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
    """Open the source that a configuration names; raise DataError if it does not exist."""
    module = data.source
    if data.name is not None:
        module = "tfds" if data.name in TFDS_NAMES else "samples"
    return cast(Source, import_module(f"cnnzoo.datasets.sources.{module}").open_source(data))
