"""Load the data set of a configuration: decode it into the cache once, then open it there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets import cache
from cnnzoo.datasets.cache_directory import cache_directory
from cnnzoo.datasets.dataset import SPLITS, Dataset, Examples, Images, ImageShape, MappedImages
from cnnzoo.datasets.folds import fold_notes, split_fold
from cnnzoo.datasets.groups import find_groups, group_notes
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.images.workers import Progress
from cnnzoo.datasets.mapped import in_memory
from cnnzoo.datasets.reuse import find_decoded
from cnnzoo.datasets.selection import read_exclusions, select
from cnnzoo.datasets.source import Source, open_source
from cnnzoo.datasets.splitting import Indices, split_examples, split_notes
from cnnzoo.errors import DataError, Mistake
from cnnzoo.text import counted

# Larger images stay on disk, and only the requested batches are read into memory.
MAX_IN_MEMORY = 2**30
_LISTED = 10  # files that a message names
# Keys of `data` that do not affect a cache entry, or that `entry_key` handles itself.
_NOT_IN_KEY = (
    "seed",
    "splits",
    "fold",
    "group",
    "resize",
    "exclude",
    "on_error",
    "augment",
    "balance",
)


def load_dataset(
    data: DataConfig,
    *,
    image_shape: ImageShape,
    on_progress: Progress = lambda done, total: None,
    source: Source | None = None,
    most_in_memory: int | None = None,
) -> Dataset:
    """Load the data set that a section describes, with images of (height, width, channels).

    The first call decodes every image into the cache; later calls open the cache entry. If files
    were added or changed, only these are decoded.
    `on_progress` is called with the number of decoded images and their total. `source` is the
    opened source of `data`; without it, the source is opened here. Images of more bytes than
    `most_in_memory`, by default 1 GiB, stay on disk, and are read when they are used.

    Raises DataError if the data do not exist, if a file cannot be read, or if no image has that
    shape.
    """
    source = source or open_source(data)
    most_in_memory = MAX_IN_MEMORY if most_in_memory is None else most_in_memory
    fit = fit_of(source, data, image_shape)
    key = entry_key(source, data, fit)
    entry = _open(key, data, most_in_memory)
    if entry is None:
        with cache.building(key) as folder:
            entry = _open(key, data, most_in_memory)  # another process may have built it meanwhile
            if entry is None:
                _decode(source, data, fit, folder, on_progress)
        entry = entry or cache.open_entry(key)
        if entry is None:
            raise DataError(
                f"the cache entry {cache_directory() / key} cannot be read back",
                hint="was the cache cleared just now? run the command again",
            )
    return _dataset(entry, data, source, most_in_memory)


def fit_of(source: Source, data: DataConfig, image_shape: ImageShape) -> Fit:
    """Return the conversion of images to a shape; raise DataError for an impossible shape."""
    if image_shape[2] not in (1, 3):
        raise DataError(
            f"images have 1 channel (gray) or 3 (colour), but the model takes {image_shape[2]}",
            hint="set model.input_shape to [height, width, 1] or [height, width, 3]",
        )
    return Fit.of(image_shape, data.resize, source.file_range)


def entry_key(source: Source, data: DataConfig, fit: Fit) -> str:
    """The cache key: a digest of everything that determines the images and their pixels.

    Raises DataError for exclusions that cannot be read, even if the cache has the images.
    """
    if source.cache_key is not None:
        return source.cache_key
    settings = {key: value for key, value in data.plain().items() if key not in _NOT_IN_KEY}
    return cache.key_of(
        source.identity,
        sorted(settings.items()),
        sorted(read_exclusions(data)),
        data.seed if data.limit else None,
        fit,
    )


def _open(key: str, data: DataConfig, most_in_memory: int) -> cache.Entry | None:
    """Open an intact entry; the pixels of a large one are compared when they are first read."""
    entry = cache.open_entry(key)
    if entry is None or (entry.images.nbytes <= most_in_memory and not cache.is_intact(entry)):
        return None
    # Files that could not be read when the entry was built are tried again.
    return None if entry.about["skipped"] and data.on_error == "stop" else entry


def _decode(
    source: Source, data: DataConfig, fit: Fit, folder: Path, on_progress: Progress
) -> None:
    items = source.items()
    selection = select(items, data)
    if selection.unusable and data.on_error == "stop":
        raise _unreadable(selection.unusable, data)
    if not len(selection.indices):
        raise _nothing_left(data, selection.unusable)
    names = [items.names[index] for index in selection.indices.tolist()]
    images = cache.new_images(folder, (len(names), *fit.shape))
    states = source.file_states(names)
    files_key = cache.key_of("files", str(source.root and source.root.resolve()), fit)
    decoded = None if states is None else find_decoded(files_key, names, states)
    row_of = np.arange(len(names))  # the row in `images` of each example
    new = row_of
    if decoded and decoded.copy_to(images):
        new = np.delete(row_of, decoded.indices)
        row_of[np.concatenate([decoded.indices, new])] = np.arange(len(names))
    out = cast("np.memmap[Any, Any]", images[len(names) - len(new) :])
    reasons = source.read(items, selection.indices[new], out, fit, on_progress)
    failed = {int(new[row]): reason for row, reason in reasons.items()}
    source.inspect(items, selection.indices, images, fit)
    skipped = {**selection.unusable, **{names[row]: failed[row] for row in sorted(failed)}}
    if skipped and data.on_error == "stop":
        raise _unreadable(skipped, data)
    kept = np.delete(np.arange(len(names)), [*failed])
    if not len(kept):
        raise _nothing_left(data, skipped)
    cache.finish(
        folder,
        images,
        row_of[kept],
        selection.labels[kept],
        items.parts[selection.indices[kept]],
        source.split_keys(items, selection.indices[kept]),
        [names[example] for example in kept.tolist()],
        None if states is None else states[kept],
        files_key=files_key,
        name=data.title,
        source={data.source: data.plain()[data.source]},
        class_names=list(selection.class_names),
        part_values=list(items.part_values),
        skipped=skipped,
        notes=list(source.notes),
    )


def _nothing_left(data: DataConfig, skipped: Mapping[str, str]) -> DataError:
    example = next((f", as {name} {reason}" for name, reason in skipped.items()), "")
    return DataError(
        f"no image of {data.title} is left{example}",
        place=data.place(data.source),
        hint="see data.classes and data.exclude, and cnnzoo data check",
    )


def _unreadable(skipped: Mapping[str, str], data: DataConfig) -> DataError:
    details = [f"{name} {reason}" for name, reason in islice(skipped.items(), _LISTED)]
    if len(skipped) > _LISTED:
        details.append(f"… and {len(skipped) - _LISTED:,} more")
    return DataError.of(
        [
            Mistake(
                f"{counted(len(skipped), 'item')} of {data.title} cannot be used",
                data.place(data.source),
                "repair or remove them (cnnzoo data check shows other problems), or skip them with "
                "data.on_error=skip",
                tuple(details),
            )
        ]
    )


def _dataset(entry: cache.Entry, data: DataConfig, source: Source, most_in_memory: int) -> Dataset:
    about = entry.about
    class_names = tuple(about["class_names"])
    indices, found = _splits(entry, data, source)
    notes = (*about["notes"], *found)
    fits = entry.images.nbytes <= most_in_memory
    digest = hashlib.sha256(repr((class_names, entry.images.shape[1:])).encode())
    splits = {}
    for split in SPLITS:
        chosen = indices[split]
        rows, labels = entry.rows[chosen], entry.labels[chosen]
        images: Images = (
            in_memory(entry.images, rows)
            if fits
            else MappedImages(entry.images, rows, entry.digests[chosen])
        )
        splits[split] = Examples(images, labels, tuple([entry.names[i] for i in chosen.tolist()]))
        digest.update(f"{split} {len(chosen)}".encode())
        digest.update(entry.digests[chosen].tobytes() + labels.tobytes())
    fingerprint = digest.hexdigest()[:16]
    return Dataset(
        data.title, class_names, splits, fingerprint, about["skipped"], notes, source.file_range
    )


def _splits(
    entry: cache.Entry, data: DataConfig, source: Source
) -> tuple[dict[str, Indices], list[str]]:
    """Return the indices of each split, and lines about them."""
    part_values = tuple(entry.about["part_values"])
    groups = find_groups(entry.names, data, source)
    keys = groups.keys() if groups else entry.keys
    if data.fold:
        class_names = entry.about["class_names"]
        splits = split_fold(entry.labels, entry.parts, part_values, keys, data, groups, class_names)
        notes = fold_notes(part_values, sum(map(len, splits.values())), data)
    else:
        units = groups.codes if groups else None
        splits = split_examples(entry.labels, entry.parts, part_values, keys, data, units)
        counts = np.bincount(entry.parts, minlength=len(part_values)).tolist()
        notes = split_notes(part_values, counts, data)
    if groups:
        notes += group_notes(groups, splits, entry.labels, entry.about["class_names"])
    return splits, notes
