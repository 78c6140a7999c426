"""The class names of the data that a configuration names, before any image is decoded."""

from __future__ import annotations

from cnnzoo.config.data import DataConfig
from cnnzoo.config.data_names import TFDS_NAMES
from cnnzoo.datasets.classes import classes_of, names_in_order


def class_names_of(data: DataConfig, image_shape: tuple[int, int, int]) -> tuple[str, ...]:
    """The class names in order: as `data.classes` says, else as the source does.

    Where `classes` says them, or the data are a sample, no file is touched. Raises DataError where
    the source is not there.
    """
    if data.name and data.name not in TFDS_NAMES:
        from cnnzoo.datasets.sources.samples import sample_classes

        return names_in_order(classes_of(sample_classes(data), data), data)
    if data.class_names:
        return data.class_names
    from cnnzoo.datasets.cache import read_about
    from cnnzoo.datasets.cache_directory import cache_directory
    from cnnzoo.datasets.load import entry_key, fit_of
    from cnnzoo.datasets.source import open_source

    source = open_source(data)
    if source.is_prepared:
        about = read_about(cache_directory() / entry_key(source, data, fit_of(data, image_shape)))
        if about:
            return tuple(about["class_names"])
    return names_in_order(classes_of(source.label_values(), data), data)
