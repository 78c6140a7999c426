"""Keys of `data` that name a source, and keys that are limited to some of the sources."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cnnzoo.config.data_names import NAMES

SOURCES = ("name", "folder", "csv", "arrays", "tfds")
NAMED = ("name", "tfds")  # sources whose value names the data, not a path to them

# Key → the sources that it belongs to. Every other key of `data` is common to all sources.
BELONGS_TO = {
    "label": ("name", "csv", "tfds"),
    "image": ("csv", "tfds", "name"),
    "label_pattern": ("folder",),
    "group": ("folder", "csv"),
    "follow_links": ("folder", "csv", "arrays"),
    "image_dir": ("csv",),
    "image_suffix": ("csv",),
    "pixel_range": ("folder", "csv", "arrays"),
    "layout": ("csv", "arrays"),
    "classes": SOURCES,
    "labels": ("folder", "csv", "arrays", "tfds", "name"),
    "data_dir": ("tfds", "name"),
    "manual_dir": ("tfds", "name"),
    "exclude": SOURCES,
}

# Section that may be written as one word → the key whose value is the word.
SHORT_FORMS = {"data": "name", "resize": "method"}


# Keys of all sources whose values refer to one of them.
OF_ONE_SOURCE = ("classes", "labels")


def replaced_keys(source: str) -> Iterable[str]:
    """Return the keys to remove when `source` replaces another source."""
    return {*SOURCES, *BELONGS_TO} - {source}


def names_a_folder(word: object) -> bool:
    """Return whether a bare word for `data` is a folder: it exists and is not a known name."""
    return isinstance(word, str) and word not in NAMES and Path(word).expanduser().is_dir()
