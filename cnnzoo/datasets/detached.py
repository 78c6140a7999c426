"""A source of which only the cache entry is at hand, on a machine that does not see the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.load import entry_key, fit_of
from cnnzoo.datasets.source import Source
from cnnzoo.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cnnzoo.datasets.dataset import ImageShape
    from cnnzoo.datasets.images.fit import Fit
    from cnnzoo.datasets.images.workers import Progress
    from cnnzoo.datasets.items import Items


@dataclass(frozen=True, kw_only=True)
class DetachedSource(Source):
    """What `load_dataset` needs of a source if the cache has its images: a value without files.

    `groups` is the column of `data.group`, by the name of the item, if it is a column of a table.
    """

    cache_key: str
    identity: str
    file_range: tuple[float, float] | None
    has_paths: bool
    groups: dict[str, dict[str, str]] = field(default_factory=dict)

    def columns(self) -> Sequence[str]:
        """Return the column of `data.group`, if it is one."""
        return tuple(self.groups)

    def column(self, name: str) -> dict[str, str]:
        """Return the value of each item in that column."""
        return self.groups[name]

    def items(self) -> Items:
        """Raise DataError: only the cache has the images."""
        raise DataError(
            f"the cache has no intact entry {self.cache_key}", hint="was it cleared? run this again"
        )

    def read(
        self,
        items: Items,
        indices: NDArray[np.intp],
        out: np.memmap[Any, Any],
        fit: Fit,
        on_progress: Progress,
    ) -> dict[int, str]:
        """Raise what `items` raises."""
        self.items()
        return {}


def detached(source: Source, data: DataConfig, image_shape: ImageShape) -> DetachedSource:
    """Return the value of an opened source, whose images of this shape the cache has."""
    group = data.group if data.group in source.columns() else None
    return DetachedSource(
        cache_key=entry_key(source, data, fit_of(source, data, image_shape)),
        identity=source.identity,
        file_range=source.file_range,
        has_paths=source.has_paths,
        groups={} if group is None else {group: source.column(group)},
    )
