"""The log of the server: lines of JSON on standard error."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from cnnzoo.errors import CnnzooError

_SERVER = "uvicorn.error"  # the name of the logger of all messages of uvicorn


def log_line(values: Mapping[str, Any]) -> None:
    """Write one line, in ASCII: control and direction characters are escaped."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    # A log that cannot be written must not stop the server.
    with suppress(OSError, ValueError, CnnzooError):
        sys.stderr.write(json.dumps({"time": stamp, **values}) + "\n")


@contextmanager
def server_messages() -> Iterator[None]:
    """Write the warnings and errors of uvicorn in the same form."""
    logger, handler = logging.getLogger(_SERVER), _Lines(logging.WARNING)
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        reason = {"error": f"{type(error).__name__}: {error}"} if error else {}
        log_line({"event": record.getMessage().strip(), **reason})
