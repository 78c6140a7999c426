"""Conversion of a configuration to the `KEY=VALUE` pairs of the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cnnzoo.config.writer import to_flow


def flat(plain: Mapping[str, Any]) -> dict[str, str]:
    """Return nested plain values by dotted key: `model.layers.1.Conv2D.filters: 6`.

    A list of scalars is one value, and so is an empty list or mapping.
    """
    return {".".join(keys): to_flow(value) for keys, value in _leaves(plain, ())}


def differing(configs: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the keys that differ between flat configurations or are missing in one of them."""
    keys = dict.fromkeys(key for config in configs for key in config)
    return [key for key in keys if len({config.get(key) for config in configs}) > 1]


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
