"""Config.data → Dataset: opened from the cache, or decoded into it first."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.config.data import DataConfig
from cnnzoo.datasets import cache
from cnnzoo.datasets.dataset import SPLITS, Dataset, Examples, Images, ImageShape, MappedImages
from cnnzoo.datasets.images import Fit
from cnnzoo.datasets.selection import select
from cnnzoo.datasets.sources import Source, open_source
from cnnzoo.datasets.splitting import split_examples
from cnnzoo.datasets.workers import Progress
from cnnzoo.errors import DataError

# What is larger stays on disk, and only the batches that are asked for are in memory.
MAX_IN_MEMORY = 2**30
_LISTED = 10  # files that a message names


def load_dataset(
    data: DataConfig, *, image_shape: ImageShape, on_progress: Progress = lambda done, total: None
) -> Dataset:
    """The data set that a section describes, its images at (height, width, channels).

    Its first reading decodes every image into the cache; a later one opens that. `on_progress` is
    told how many images are decoded, and of how many.

    Raises DataError where the data are not there, hold what cannot be read, or cannot take that
    shape.
    """
    fit = fit_of(data, image_shape)
    source = open_source(data)
    key = entry_key(source, data, fit)
    entry = cache.open_entry(key)
    if entry is None:
        with cache.building(key) as folder:
            if folder:
                _decode(source, data, fit, folder, on_progress)
        entry = cache.open_entry(key)
        if entry is None:
            raise DataError(f"the cache entry {cache.cache_directory() / key} cannot be read back")
    return _dataset(entry, data)


def fit_of(data: DataConfig, image_shape: ImageShape) -> Fit:
    """How every image is made to fit; raises DataError for a shape that no image has."""
    if image_shape[2] not in (1, 3):
        raise DataError(
            f"images have 1 channel (gray) or 3 (colour), but the model takes {image_shape[2]}",
            hint="set model.input_shape to [height, width, 1] or [height, width, 3]",
        )
    return Fit(image_shape, data.resize.method, data.resize.interpolation)


def entry_key(source: Source, data: DataConfig, fit: Fit) -> str:
    """The key in the cache: everything that decides which images there are, and their pixels."""
    settings = {
        key: value
        for key, value in data.plain().items()
        if key not in ("seed", "splits", "augment", "balance", "exclude")
    }
    return cache.key_of(
        source.identity,
        sorted(settings.items()),
        data.seed if data.limit else None,
        # The parts of a tensorflow-datasets source are read as its splits are written.
        data.splits.plain() if data.source == "tfds" else None,
        _content(data.exclude),
        fit,
    )


def _content(path: str | None) -> bytes | None:
    return Path(path).read_bytes() if path and Path(path).is_file() else None


def _decode(
    source: Source, data: DataConfig, fit: Fit, folder: Path, on_progress: Progress
) -> None:
    items = source.items()
    selection = select(items, data)
    if items.unusable and data.on_error == "stop":
        raise _unreadable(items.unusable, data)
    if not len(selection.indices):
        raise DataError(f"no image of {data.title} is left", place=data.place(data.source))
    size = len(selection.indices) * math.prod(fit.shape)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise DataError(
            f"{len(selection.indices):,} images of {shape_text(fit.shape)} take "
            f"{size / 2**30:.1f} GiB, and {cache.cache_directory()} has room for "
            f"{free / 2**30:.1f} GiB",
            hint="see cnnzoo data cache, set CNNZOO_CACHE to a directory with room, or make "
            "model.input_shape smaller",
        )
    images = cache.new_images(folder, (len(selection.indices), *fit.shape))
    failed = source.read(items, selection.indices, images, fit, on_progress)
    names = [items.names[index] for index in selection.indices]
    skipped = {**items.unusable, **{names[row]: failed[row] for row in sorted(failed)}}
    if skipped and data.on_error == "stop":
        raise _unreadable(skipped, data)
    rows = np.array([row for row in range(len(names)) if row not in failed], np.intp)
    cache.finish(
        folder,
        images,
        rows,
        selection.labels[rows],
        items.parts[selection.indices[rows]],
        [names[row] for row in rows],
        name=data.title,
        source={data.source: data.plain()[data.source]},
        class_names=list(selection.class_names),
        part_values=list(items.part_values),
        skipped=skipped,
    )


def _unreadable(skipped: Mapping[str, str], data: DataConfig) -> DataError:
    listed = "".join(f"\n   {name} {reason}" for name, reason in [*skipped.items()][:_LISTED])
    more = f"\n   … and {len(skipped) - _LISTED:,} more" if len(skipped) > _LISTED else ""
    files = "item" if len(skipped) == 1 else "items"
    return DataError(
        f"{len(skipped):,} {files} of {data.title} cannot be used:{listed}{more}",
        place=data.place(data.source),
        hint="repair or remove them (cnnzoo data check shows what else is wrong), or leave them "
        "out with data.on_error=skip",
    )


def _dataset(entry: cache.Entry, data: DataConfig) -> Dataset:
    about = entry.about
    class_names = tuple(about["class_names"])
    indices = split_examples(entry.labels, entry.parts, tuple(about["part_values"]), data)
    in_memory = entry.images.nbytes <= MAX_IN_MEMORY
    digest = hashlib.sha256(repr((class_names, about["pixels"])).encode())
    splits = {}
    for split in SPLITS:
        chosen = indices[split]
        rows, labels = entry.rows[chosen], entry.labels[chosen]
        images: Images = entry.images[rows] if in_memory else MappedImages(entry.images, rows)
        splits[split] = Examples(images, labels, tuple(entry.names[i] for i in chosen))
        digest.update(repr((split, len(chosen))).encode() + rows.tobytes() + labels.tobytes())
    return Dataset(data.title, class_names, splits, digest.hexdigest()[:16], about["skipped"])
