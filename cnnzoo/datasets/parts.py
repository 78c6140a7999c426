"""What each split of the data is, as far as it is known without reading a table or an array."""

from __future__ import annotations

from pathlib import Path

from cnnzoo.config.data import DataConfig
from cnnzoo.config.data_names import SAMPLES
from cnnzoo.datasets.dataset import SPLITS
from cnnzoo.datasets.items import NO_PART
from cnnzoo.datasets.source import open_source
from cnnzoo.datasets.splitting import splits_of

# The parts of those data of tensorflow-datasets that Keras has a loader for.
_PARTS = dict.fromkeys(("cifar10", "fashion_mnist", "mnist"), ("train", "test"))


def known_splits(data: DataConfig) -> dict[str, tuple[str, ...] | float]:
    """What each split is, as `cnnzoo.datasets.splitting.splits_of` says.

    The parts are the folders of a folder that is there; of other sources those that `data.splits`
    names, beside one that trains. Raises DataError as `splits_of` does.
    """
    return splits_of(_known_parts(data), data)


def _known_parts(data: DataConfig) -> tuple[str, ...]:
    if data.name in SAMPLES:
        return (NO_PART,)
    if data.folder and Path(data.folder).is_dir():
        return open_source(data).items().part_values
    if parts := _PARTS.get(data.name or data.tfds or ""):
        return parts
    given = [getattr(data.splits, split) for split in SPLITS]
    named = [part for part in given if isinstance(part, str)]
    if not named:
        return (NO_PART,)
    return tuple(dict.fromkeys(named if data.splits.train else ["train", *named]))
