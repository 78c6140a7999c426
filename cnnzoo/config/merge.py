"""How one configuration extends another: mappings key by key; everything else is replaced."""

from __future__ import annotations

from typing import Any

from cnnzoo.config.located import Map, key_place, value_place

# A mapping of classes, one or several, that is not itself a class with its arguments.
CLASS_TABLE = "defaults"


def merge(base: Map, top: Map) -> Map:
    """`top` over `base`. One Keras class replaces another: `SGD: …` over `Adam: …` is SGD."""
    merged = base.copy()
    merged.place = top.place or base.place
    for key, value in top.items():
        below = merged.get(key)
        if isinstance(below, Map) and isinstance(value, Map):
            replaced = names_a_class(below) and names_a_class(value) and set(below) != set(value)
            if not replaced or key == CLASS_TABLE:
                value = merge(below, value)
        merged.put(key, value, key_place(top, key), value_place(top, key))
    return merged


def names_a_class(value: Any) -> bool:
    """Whether a mapping is a Keras class with its arguments."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value))[:1].isupper()
