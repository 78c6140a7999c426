"""The class names of the data that a configuration names, known before any image is decoded."""

from __future__ import annotations

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.names import TFDS_NAMES


def class_names_of(data: DataConfig, image_shape: tuple[int, int, int]) -> tuple[str, ...]:
    """The class names in order: as `data.classes` says, else as the source does.

    Where `classes` says them, or the data are a sample, no file is touched. Raises DataError where
    the source is not there.
    """
    if data.class_names:
        return data.class_names
    if data.name and data.name not in TFDS_NAMES:
        from cnnzoo.datasets.samples import sample_classes

        return sample_classes(data)
    from cnnzoo.datasets.cache import cache_directory, read_about
    from cnnzoo.datasets.load import entry_key, fit_of
    from cnnzoo.datasets.selection import classes_of
    from cnnzoo.datasets.sources import open_source

    source = open_source(data)
    about = read_about(cache_directory() / entry_key(source, data, fit_of(data, image_shape)))
    if about:
        return tuple(about["class_names"])
    return tuple(dict.fromkeys(classes_of(source.items().label_values, data).values()))
