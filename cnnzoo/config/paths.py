"""Paths in a configuration, which are relative to the file that contains them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnzoo.config.zoo import directory as zoo_directory
from cnnzoo.errors import Place


def absolute(path: Any, place: Place | None) -> Any:
    """Return the absolute path of a path at a place; values that are not text are unchanged.

    A path from the command line, from Python or from a configuration of the zoo is relative to the
    working directory. An absolute path remains valid in the copy of the configuration in a run.
    """
    if not isinstance(path, str) or not path:
        return path
    expanded = Path(path).expanduser()
    written_in = Path(place.file).parent if place and place.line else None
    if written_in is None or written_in.resolve() == zoo_directory().resolve():
        return str(expanded.absolute())
    return str((written_in / expanded).absolute())
