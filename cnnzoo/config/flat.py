"""A configuration as the words that `KEY=VALUE` on the command line would take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cnnzoo.config.writer import to_flow


def flat(plain: Mapping[str, Any]) -> dict[str, str]:
    """Each value of nested plain values by its dotted key: `model.layers.1.Conv2D.filters: 6`.

    A list of scalars is one value; what is empty is one too.
    """
    return {".".join(keys): to_flow(value) for keys, value in _leaves(plain, ())}


def _leaves(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and value:
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        yield keys, value
        return
    for key, item in items:
        yield from _leaves(item, (*keys, key))
