"""The class names of the data that a configuration names, before any image is decoded."""

from __future__ import annotations

from cnnzoo.config.data import DataConfig
from cnnzoo.config.data_names import TFDS_NAMES
from cnnzoo.datasets.classes import classes_of, names_in_order
from cnnzoo.datasets.source import Source, open_source


def class_names_of(
    data: DataConfig, image_shape: tuple[int, int, int], source: Source | None = None
) -> tuple[str, ...]:
    """Return the class names in order: those of `data.classes`, else those of the source.

    `source` is the opened source of `data`; without it, the source is opened here if the names need
    it: not for a sample, and not if `data.classes` has them. Raises DataError if the source does
    not exist.
    """
    if data.name and data.name not in TFDS_NAMES:
        from cnnzoo.datasets.sources.samples import sample_classes

        return names_in_order(classes_of(sample_classes(data), data), data)
    if data.class_names:
        return data.class_names
    from cnnzoo.datasets.cache import read_about
    from cnnzoo.datasets.cache_directory import cache_directory
    from cnnzoo.datasets.load import entry_key, fit_of

    source = source or open_source(data)
    if source.is_prepared:
        about = read_about(
            cache_directory() / entry_key(source, data, fit_of(source, data, image_shape))
        )
        if about:
            return tuple(about["class_names"])
    return names_in_order(classes_of(source.label_values(), data), data)
