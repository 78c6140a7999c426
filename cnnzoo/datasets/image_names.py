"""Recognise image files and system folders by their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from cnnzoo.datasets.images.decode import FORMATS
from cnnzoo.text import counted, listed

SUFFIXES = tuple(FORMATS)
MOST_KINDS = 6  # kinds of other files that a line names

# Recycle bins, thumbnails and snapshots of Windows, macOS and network storage, in lower case.
# Hidden folders, such as .Trashes and .snapshot, are also ignored.
SYSTEM_FOLDERS = frozenset(
    {
        "#recycle",
        "#snapshot",
        "$extend",
        "$recycle.bin",
        "@eadir",
        "@recently-snapshot",
        "@recycle",
        "@sharebin",
        "@sharesnap",
        "@synoresource",
        "@tmp",
        "__macosx",
        "__pycache__",
        "lost+found",
        "network trash folder",
        "recycled",
        "recycler",
        "system volume information",
        "temporary items",
        "~snapshot",
    }
)
SYSTEM_FILES = frozenset({"desktop.ini", "ehthumbs.db", "icon\r", "thumbs.db"})


def is_image(name: str) -> bool:
    """Return whether a file is read as an image: it has a known suffix and is not hidden."""
    return name[:1] != "." and name.lower().endswith(SUFFIXES)


def is_hidden(name: str) -> bool:
    """Return whether a folder or file is hidden, or made by an operating system for its own use."""
    folded = name.casefold()
    return name[:1] == "." or folded in SYSTEM_FOLDERS or folded in SYSTEM_FILES


def is_system_folder(name: str) -> bool:
    """Return whether a folder is visible, but made by an operating system for its own use."""
    return name.casefold() in SYSTEM_FOLDERS


def kind_of(name: str) -> str:
    """Return the suffix of a file in lower case, or `no suffix`."""
    return PurePosixPath(name).suffix.lower() or "no suffix"


def others_text(kinds: Counter[str]) -> str:
    """Return one line about files that are not read as images, from the counts of their kinds."""
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    shown = listed((f"{count:,} {kind}" for kind, count in ordered), MOST_KINDS)
    return f"{counted(kinds.total(), 'file')} not read as images: {shown}"


def count_kinds(names: Iterable[str]) -> Counter[str]:
    """Return how many files there are of each kind."""
    return Counter(map(kind_of, names))
