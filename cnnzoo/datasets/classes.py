"""The classes of the data that a configuration names, known before any image is decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnnzoo.config.calls import listed
from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.names import TFDS_NAMES
from cnnzoo.errors import DataError, did_you_mean

_SHOWN = 50  # classes that a hint names


def class_names_of(data: DataConfig, image_shape: tuple[int, int, int]) -> tuple[str, ...]:
    """The class names in order: as `data.classes` says, else as the source does.

    Where `classes` says them, or the data are a sample, no file is touched. Raises DataError where
    the source is not there.
    """
    if data.name and data.name not in TFDS_NAMES:
        from cnnzoo.datasets.samples import sample_classes

        return names_in_order(classes_of(sample_classes(data), data), data)
    if data.class_names:
        return data.class_names
    from cnnzoo.datasets.cache import cache_directory, read_about
    from cnnzoo.datasets.load import entry_key, fit_of
    from cnnzoo.datasets.sources import open_source

    source = open_source(data)
    if source.is_prepared:
        about = read_about(cache_directory() / entry_key(source, data, fit_of(data, image_shape)))
        if about:
            return tuple(about["class_names"])
    return names_in_order(classes_of(source.label_values(), data), data)


def names_in_order(class_of: Mapping[str, str], data: DataConfig) -> tuple[str, ...]:
    """Each class of a source once: as `data.classes` orders them, else as the source does."""
    return data.class_names or tuple(dict.fromkeys(class_of.values()))


def classes_of(values: Sequence[str], data: DataConfig) -> dict[str, str]:
    """Label value of a source → its class, for each value that is used.

    `data.labels` names the values, then `data.classes` chooses among the names and renames them.
    Raises DataError for a name that neither has, and where fewer than two classes are left.
    """
    named = _named(values, data)
    known = tuple(dict.fromkeys(named.values()))
    wanted = data.classes
    if wanted is None:
        class_of, place = named, data.place(data.source)
    else:
        renamed = wanted if isinstance(wanted, dict) else dict(zip(wanted, wanted, strict=True))
        for name in renamed:
            if name not in known:
                raise DataError(
                    f"data.classes: {data.title} has no class {name!r}{did_you_mean(name, known)}",
                    place=data.place("classes"),
                    hint=f"its classes: {_listed(known)}",
                )
        class_of = {value: renamed[name] for value, name in named.items() if name in renamed}
        place = data.place("classes")
    names = dict.fromkeys(class_of.values())
    if len(names) < 2:
        raise DataError(
            f"{data.title} has {len(names)} class, {listed(names)}; a classifier needs two",
            place=place,
            hint="add examples of another class, or keep two names in data.labels and data.classes",
        )
    for name in names:
        if name != name.encode(errors="replace").decode():
            raise DataError(
                f"{data.title} has the class {name!r}, whose name is no text in UTF-8",
                place=place,
                hint="rename its folder: the name is written into the model",
            )
    return class_of


def _named(values: Sequence[str], data: DataConfig) -> dict[str, str]:
    """The name of each label value of a source: its own, or that which `labels` gives it."""
    if data.labels is None:
        return {value: value for value in values}
    names = data.labels
    if not isinstance(names, dict):
        names = {str(index): name for index, name in enumerate(names)}
    unnamed = [value for value in values if value not in names]
    if unnamed:
        raise DataError(
            f"data.labels names no label {_listed(unnamed)}, which {data.title} has",
            place=data.place("labels"),
            hint="name every label there, and choose among them with data.classes",
        )
    present = set(values)
    return {value: name for value, name in names.items() if value in present}


def _listed(names: Sequence[str]) -> str:
    more = f", … {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
