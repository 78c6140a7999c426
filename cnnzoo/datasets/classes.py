"""Class names from the label values of a source, by `data.labels` and `data.classes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from cnnzoo.config.data import DataConfig
from cnnzoo.errors import DataError, did_you_mean
from cnnzoo.text import listed

_SHOWN = 50  # classes that a hint names


def names_in_order(class_of: Mapping[str, str], data: DataConfig) -> tuple[str, ...]:
    """Return each class of a source once, in the order of `data.classes` or else of the source."""
    return data.class_names or tuple(dict.fromkeys(class_of.values()))


def classes_of(
    values: Sequence[str],
    data: DataConfig,
    example: Callable[[str], str | None] = lambda value: None,
) -> dict[str, str]:
    """Return the class of each label value of a source that is used.

    `data.labels` names the values, then `data.classes` chooses among the names and renames them.
    `example` returns the name of an item with a label value, for messages. Raises DataError for a
    name that neither has, and if fewer than two classes are left.
    """
    named = _named(values, data, example)
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
                    hint=f"its classes: {listed(map(repr, known), _SHOWN)}{_quoting(name, known)}",
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
                f"{data.title} has the class {name!r}, which is not text in UTF-8",
                place=place,
                hint="rename its folder: the name is written into the model",
            )
    return class_of


def _quoting(name: str, known: Sequence[str]) -> str:
    """Return a hint if a name is a code that YAML read as a number: 001 without quotes is 1."""
    code = next((code for code in known if code.isdecimal() and code.lstrip("0") == name), None)
    quoted = f"; without quotes a code loses its zeros: write \"'{code}'\""
    return quoted if code and name.isdecimal() else ""


def _named(
    values: Sequence[str], data: DataConfig, example: Callable[[str], str | None]
) -> dict[str, str]:
    """Return the name of each label value of a source: from `data.labels`, or else the value."""
    if data.labels is None:
        return {value: value for value in values}
    names = data.labels
    if not isinstance(names, dict):
        names = {str(index): name for index, name in enumerate(names)}
    unnamed = [value for value in values if value not in names]
    if unnamed:
        item = example(unnamed[0])
        labels = listed(map(repr, unnamed), _SHOWN)
        raise DataError(
            f"data.labels does not name the label {labels} of {data.title}"
            + (f", as {item} has" if item else ""),
            place=data.place("labels"),
            hint="name every label there, and choose among them with data.classes"
            + "".join(_quoting(name, unnamed) for name in islice(names, 1)),
        )
    present = set(values)
    return {value: name for value, name in names.items() if value in present}
