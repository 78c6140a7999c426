"""Overrides `KEY=VALUE` of the command line, with dotted keys and list indices."""

from __future__ import annotations

import re
from typing import Any

from cnnzoo.config import catalogue
from cnnzoo.config.composites import find_entry
from cnnzoo.config.data_sources import SHORT_FORMS, names_a_folder
from cnnzoo.config.located import Map, Seq, located_items, value_place
from cnnzoo.config.merge import (
    CLASS_TABLE,
    is_class_name,
    names_a_class,
    without_other_sources,
)
from cnnzoo.config.reader import MAX_DEPTH, read_yaml
from cnnzoo.errors import ConfigError, Place

SEARCHED = "sweep.parameters."
_INDEX = re.compile(r"-?[0-9]{1,6}")


def apply_override(raw: Map, override: str) -> None:
    """Set the value of an override in place; raises ConfigError if it cannot be set."""
    path, separator, text = override.partition("=")
    place = Place(override, 0, 0)
    if not separator or not all(path.split(".")) or path.count(".") > MAX_DEPTH:
        raise ConfigError(
            f"{override!r} is not KEY=VALUE",
            hint="for example training.epochs=3 or model.layers.1.Conv2D.filters=32",
        )
    set_value(raw, path, _value(text, place), place)


def set_value(
    raw: Map, path: str, value: Any, place: Place, key_place: Place | None = None
) -> None:
    """Set the value at a dotted path in place; raises ConfigError if there is no such path.

    `place` is that of the value, and of its key unless `key_place` is given. Containers on the path
    are copied, so that other copies of `raw` do not change.
    """
    container: Any = raw
    steps = _steps(path)
    *parents, last = steps
    for depth, step in enumerate(parents):
        container = _enter(container, step, steps[depth + 1], key_place or place)
    if path == "data" and names_a_folder(value):
        folder = Map(place)
        folder.put("folder", value, place, place)
        value = folder
    if isinstance(container, Seq):
        index = _index(container, last, key_place or place)
        container[index] = value
        container.item_places[index] = place
        return
    if parents == ["data"]:
        container = raw["data"] = without_other_sources(container, {last: value})
    container.put(last, value, key_place or place, place)


def _steps(path: str) -> list[str]:
    """Split a path; the keys of `sweep.parameters` contain dots themselves."""
    if path.startswith(SEARCHED):
        return [*SEARCHED.rstrip(".").split("."), path.removeprefix(SEARCHED)]
    return path.split(".")


def _value(text: str, place: Place) -> Any:
    try:
        return _relocated(read_yaml(text), place)
    except ConfigError as error:
        mistake = error.mistakes[0]
        raise ConfigError(mistake.message, place=place, hint=mistake.hint) from None


def _relocated(value: Any, place: Place) -> Any:
    """Return the value with the override as the place of every part."""
    if isinstance(value, Map):
        mapping = Map(place)
        for key, item in value.items():
            mapping.put(key, _relocated(item, place), place, place)
        return mapping
    if isinstance(value, Seq):
        items = Seq(place)
        for item in value:
            items.add(_relocated(item, place), place)
        return items
    return value


def _enter(container: Any, step: str, next_step: str, place: Place) -> Any:
    """Return the container under a step, converted from a short form (a name, a scalar)."""
    key: Any = _index(container, step, place) if isinstance(container, Seq) else step
    value = container[key] if isinstance(container, Seq) else container.get(key)
    if isinstance(value, Seq) and not _INDEX.fullmatch(next_step) and (names := _arguments(step)):
        value = _keywords(value, names)
    elif not isinstance(value, Map | Seq):
        where = value_place(container, key) or place
        value = _long_form(value, step, next_step, where)
        if value is None:
            raise ConfigError(f"{step} holds one value, so {next_step!r} is not in it", place=place)
    elif (
        names_a_class(value)
        and step != CLASS_TABLE
        and is_class_name(next_step)
        and next_step not in value
    ):
        value = Map(place)  # another class replaces the present one
    else:
        value = value.copy()  # an alias or a zoo default may share it
    if isinstance(container, Seq):
        container[key] = value
    else:
        container.put(key, value, container.key_places.get(key, place), value_place(container, key))
    return value


def _long_form(value: Any, step: str, next_step: str, place: Place) -> Map | None:
    """Convert `Adam` to `{Adam: …}`, `mnist5k` to `{name: mnist5k}`, `6` to `{filters: 6}`."""
    mapping = Map(place)
    if value is None:
        return mapping
    if isinstance(value, str) and value == next_step:
        mapping.put(value, Map(place), place, place)
    elif step in SHORT_FORMS and isinstance(value, str):
        mapping.put(SHORT_FORMS[step], value, place, place)
    elif names := _arguments(step):
        mapping.put(names[0], value, place, place)
    elif is_class_name(next_step):
        return mapping
    else:
        return None
    return mapping


def _keywords(positional: Seq, names: list[str]) -> Map:
    """Convert `[6, 5]` to `{filters: 6, kernel_size: 5}`."""
    mapping = Map(positional.place)
    for name, (value, place) in zip(names, located_items(positional), strict=False):
        mapping.put(name, value, place, place)
    return mapping


def _arguments(name: str) -> list[str]:
    """Return the arguments of a class or composite; empty if it does not exist."""
    for namespace in catalogue.namespaces():
        if entry := find_entry(namespace, name):
            return list(entry.arguments)
    return []


def _index(items: Seq, step: str, place: Place) -> int:
    if not _INDEX.fullmatch(step) or not -len(items) <= int(step) < len(items):
        raise ConfigError(
            f"{step!r} is not an index of a list of {len(items)}",
            place=place,
            hint=f"indices go from 0 to {len(items) - 1}, or from -1 backwards"
            if items
            else "the list is empty",
        )
    return int(step) % len(items)
