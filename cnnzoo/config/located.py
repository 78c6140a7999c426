"""Plain mappings and lists that remember where each of their values was written.

They behave as `dict` and `list` everywhere; a section built in Python from ordinary dictionaries
works just as well and has no places.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnnzoo.errors import Place


class Map(dict[str, Any]):
    """A mapping that knows where it began and where each key and each value was written."""

    def __init__(self, place: Place | None = None) -> None:
        super().__init__()
        self.place = place
        self.key_places: dict[str, Place | None] = {}
        self.value_places: dict[str, Place | None] = {}

    def put(self, key: str, value: Any, key_place: Place | None, value_place: Place | None) -> None:
        """Set a value together with the places of its key and of itself."""
        self[key] = value
        self.key_places[key] = key_place
        self.value_places[key] = value_place

    def copy(self) -> Map:
        """A shallow copy that keeps the places."""
        new = Map(self.place)
        for key, value in self.items():
            new.put(key, value, self.key_places.get(key), self.value_places.get(key))
        return new


class Seq(list[Any]):
    """A list that knows where it began and where each item was written."""

    def __init__(self, place: Place | None = None) -> None:
        super().__init__()
        self.place = place
        self.item_places: list[Place | None] = []

    def add(self, value: Any, place: Place | None) -> None:
        """Append a value together with its place."""
        self.append(value)
        self.item_places.append(place)

    def copy(self) -> Seq:
        """A shallow copy that keeps the places."""
        new = Seq(self.place)
        for value, place in located_items(self):
            new.add(value, place)
        return new


def key_place(mapping: Any, key: str) -> Place | None:
    """Where a key was written, or None for an ordinary dictionary."""
    return mapping.key_places.get(key) if isinstance(mapping, Map) else None


def value_place(container: Any, key: str | int) -> Place | None:
    """Where the value under a key or at an index was written, or None for ordinary containers."""
    if isinstance(container, Map) and isinstance(key, str):
        return container.value_places.get(key)
    if isinstance(container, Seq) and isinstance(key, int) and key < len(container.item_places):
        return container.item_places[key]
    return None


def located_items(items: Any) -> Iterator[tuple[Any, Place | None]]:
    """Each item of a list with its place."""
    for index, item in enumerate(items):
        yield item, value_place(items, index)
