"""Paths that a configuration names: relative to the file that says them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnzoo.config.zoo import directory as zoo_directory
from cnnzoo.errors import Place


def absolute(path: Any, place: Place | None) -> Any:
    """The absolute path of one that was written at a place; what is no text stays as it is.

    A path from the command line, from Python or from a configuration of the zoo is relative to the
    working directory. So a configuration means the same wherever it is read again.
    """
    if not isinstance(path, str) or not path:
        return path
    expanded = Path(path).expanduser()
    written_in = Path(place.file).parent if place and place.line else None
    if written_in is None or written_in.resolve() == zoo_directory().resolve():
        return str(expanded.absolute())
    return str((written_in / expanded).absolute())
