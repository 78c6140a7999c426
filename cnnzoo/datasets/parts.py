"""Find the parts of a data source without reading its images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnnzoo.config.data import DataConfig
from cnnzoo.config.data_names import SAMPLES
from cnnzoo.datasets.array_files import is_npz
from cnnzoo.datasets.dataset import SPLITS, ImageShape
from cnnzoo.datasets.items import NO_PART
from cnnzoo.datasets.pixel_ranges import FULL
from cnnzoo.datasets.source import open_source
from cnnzoo.datasets.sources.arrays import find_arrays, find_range
from cnnzoo.datasets.sources.arrays import open_source as open_arrays
from cnnzoo.datasets.splitting import splits_of

# The parts of the data sets of tensorflow-datasets that Keras can load too.
_PARTS = dict.fromkeys(("cifar10", "fashion_mnist", "mnist"), ("train", "test"))


def known_splits(data: DataConfig) -> dict[str, tuple[str, ...] | float]:
    """Return the parts of each split, or its fraction, as `splits_of` does.

    The parts are those of an existing folder or arrays; for other sources those that `data.splits`
    names, and one for training. A fold of `data.fold` is a fraction, too. Raises DataError as
    `splits_of` does.
    """
    splits = splits_of(_known_parts(data), data)
    return splits | {"test": 1 / data.fold.of} if data.fold else splits


def plain_arrays(
    data: DataConfig, image_shape: ImageShape, classes: int
) -> dict[str, tuple[str, str]]:
    """Return for each part of an .npz file the names of its images and of its labels.

    Empty if they cannot be used unchanged: the images must be uint8 [n, *image_shape], without the
    last axis if it is 1, with pixels from 0 to 255, the labels the integers [n] from 0 to
    `classes` - 1. Raises DataError as the source does.
    """
    if not _is_file(data.arrays) or not is_npz(Path(str(data.arrays))):
        return {}
    source = open_arrays(data)
    height, width, channels = image_shape
    shapes = [image_shape, (height, width)] if channels == 1 else [image_shape]
    for part in source.parts:
        images, labels = part.images, part.labels
        if images.dtype != np.uint8 or images.shape[1:] not in shapes:
            return {}
        if labels.dtype.kind not in "iu" or len(labels.shape) != 1:
            return {}
    if source.label_values() != tuple(map(str, range(classes))):
        return {}
    if data.pixel_range or find_range([part.images for part in source.parts]).range != FULL:
        return {}
    found, _ = find_arrays(data)
    names = {role: str(member).removesuffix(".npy") for role, (_, member) in found.items()}
    parts = [part.name for part in source.parts]
    return {part: (names[part, "images"], names[part, "labels"]) for part in parts}


def _is_file(path: object) -> bool:
    return isinstance(path, str) and Path(path).is_file()


def _known_parts(data: DataConfig) -> tuple[str, ...]:
    if data.name in SAMPLES:
        return (NO_PART,)
    if (data.folder and Path(data.folder).is_dir()) or _is_file(data.arrays):
        return open_source(data).items().part_values
    if parts := _PARTS.get(data.name or data.tfds or ""):
        return parts
    given = [getattr(data.splits, split) for split in SPLITS]
    named = [part for part in given if isinstance(part, str)]
    if not named:
        return (NO_PART,)
    return tuple(dict.fromkeys(named if data.splits.train else ["train", *named]))
