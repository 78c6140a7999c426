"""The directory of decoded data and of other results that are computed once."""

from __future__ import annotations

import os
from pathlib import Path

from cnnzoo.errors import DataError


def cache_directory() -> Path:
    """Return `$CNNZOO_CACHE`, or else `cnnzoo` in the user's cache directory."""
    try:
        if own := os.environ.get("CNNZOO_CACHE"):
            return Path(own).expanduser().absolute()
        if cache := os.environ.get("XDG_CACHE_HOME"):
            return Path(cache).expanduser() / "cnnzoo"
        return Path.home() / ".cache" / "cnnzoo"
    except RuntimeError:
        raise DataError(
            "the home directory, which would contain the cache, is unknown",
            hint="set CNNZOO_CACHE to a directory",
        ) from None
