"""Mappings and lists with the place of each value in the file.

They behave like `dict` and `list`. A section can also be built in Python from ordinary
dictionaries; it has no places then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnnzoo.errors import Place


class Map(dict[str, Any]):
    """Mapping with its place and the places of its keys and values."""

    def __init__(self, place: Place | None = None) -> None:
        super().__init__()
        self.place = place
        self.key_places: dict[str, Place | None] = {}
        self.value_places: dict[str, Place | None] = {}

    def put(self, key: str, value: Any, key_place: Place | None, value_place: Place | None) -> None:
        """Set a value together with the places of its key and its value."""
        self[key] = value
        self.key_places[key] = key_place
        self.value_places[key] = value_place

    def copy(self) -> Map:
        """Return a shallow copy that keeps the places."""
        new = Map(self.place)
        for key, value in self.items():
            new.put(key, value, self.key_places.get(key), self.value_places.get(key))
        return new


class Seq(list[Any]):
    """List with its place and the places of its items."""

    def __init__(self, place: Place | None = None) -> None:
        super().__init__()
        self.place = place
        self.item_places: list[Place | None] = []

    def add(self, value: Any, place: Place | None) -> None:
        """Append a value together with its place."""
        self.append(value)
        self.item_places.append(place)

    def copy(self) -> Seq:
        """Return a shallow copy that keeps the places."""
        new = Seq(self.place)
        for value, place in located_items(self):
            new.add(value, place)
        return new


def key_place(mapping: Any, key: str) -> Place | None:
    """Return the place of a key, or None for an ordinary dictionary."""
    return mapping.key_places.get(key) if isinstance(mapping, Map) else None


def value_place(container: Any, key: str | int) -> Place | None:
    """Return the place of the value under a key or at an index, or None for ordinary containers."""
    if isinstance(container, Map) and isinstance(key, str):
        return container.value_places.get(key)
    if isinstance(container, Seq) and isinstance(key, int) and key < len(container.item_places):
        return container.item_places[key]
    return None


def located_items(items: Any) -> Iterator[tuple[Any, Place | None]]:
    """Yield each item of a list with its place."""
    for index, item in enumerate(items):
        yield item, value_place(items, index)
