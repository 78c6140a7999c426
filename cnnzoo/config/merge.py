"""Merging of a configuration over the one that it extends.

Mappings are merged key by key; everything else is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnzoo.config.composites import SCHEDULES
from cnnzoo.config.data_sources import NAMED, OF_ONE_SOURCE, SOURCES, replaced_keys
from cnnzoo.config.located import Map, key_place, value_place

# A mapping of classes, one or several, that is not itself a class with its arguments.
CLASS_TABLE = "defaults"
# A mapping whose values are replaced, not merged: a range replaces another range.
_WHOLE_VALUES = "parameters"


def merge(base: Map, top: Map) -> Map:
    """Merge `top` over `base`; a Keras class replaces another: `SGD: …` over `Adam: …` is SGD."""
    merged = base.copy()
    merged.place = top.place or base.place
    for key, value in top.items():
        below = merged.get(key)
        if isinstance(below, Map) and isinstance(value, Map):
            replaced = names_a_class(below) and names_a_class(value) and set(below) != set(value)
            if key == "data":
                below = without_other_sources(below, value)
            if key == _WHOLE_VALUES:
                value = _updated(below, value)
            elif not replaced or key == CLASS_TABLE:
                value = merge(below, value)
        merged.put(key, value, key_place(top, key), value_place(top, key))
    return merged


def _updated(base: Map, top: Map) -> Map:
    updated = base.copy()
    for key, value in top.items():
        updated.put(key, value, key_place(top, key), value_place(top, key))
    return updated


def without_other_sources(data: Map, top: Mapping[str, Any]) -> Map:
    """Return a `data` section without the source that `top` replaces, and without its keys.

    Another path may contain the same data, another name of a data set does not.
    """
    kept = data.copy()
    for source in (key for key in top if key in SOURCES and _is_other(key, data, top)):
        for key in {*replaced_keys(source), *OF_ONE_SOURCE}:
            place = value_place(data, key)
            # Another key of the command line is for the new source.
            if key in SOURCES or place is None or place.line:
                kept.pop(key, None)
    return kept


def _is_other(source: str, data: Map, top: Mapping[str, Any]) -> bool:
    return source not in data or (source in NAMED and top[source] != data[source])


def names_a_class(value: Any) -> bool:
    """Return whether a mapping is a Keras class, or a schedule of cnnzoo, with its arguments."""
    return isinstance(value, dict) and len(value) == 1 and is_class_name(next(iter(value)))


def is_class_name(key: str) -> bool:
    """Return whether a key names a Keras class or a schedule of cnnzoo, not a key of a section."""
    return key[:1].isupper() or key in SCHEDULES
