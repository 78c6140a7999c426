"""Limits on image files from untrusted sources, checked before memory or time is spent.

At the limits, decoding one image takes less than 2 GB: 16 bytes per pixel of a WebP, less for the
other formats. Only one large image is decoded at a time, for any number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

MAX_FILE_BYTES = 256 * 2**20
MAX_PIXELS = 100_000_000
MAX_SCANS = 100  # of a JPEG: each is a pass over all pixels; encoders write up to about 20
MAX_PIXELS_IN_PARALLEL = 25_000_000

# Bytes times pixels. Below it, no number of scans takes longer than a second.
_WORK_WITHOUT_SCAN_LIMIT = 2**36

_large_image = threading.Lock()


class UnreadableError(Exception):
    """The reason why a file cannot be used as an image; the message continues its name."""


class TooManyPixelsError(UnreadableError):
    """An image with more than MAX_PIXELS pixels."""


def check_pixels(width: int, height: int) -> None:
    """Raise TooManyPixelsError if an image has more than MAX_PIXELS pixels."""
    if width * height > MAX_PIXELS:
        raise TooManyPixelsError(f"has {width}x{height} pixels, more than {MAX_PIXELS:,}")


def check_scans(content: bytes, width: int, height: int) -> None:
    """Raise UnreadableError if a JPEG has more than MAX_SCANS scans; libtiff has its own limit."""
    if len(content) * width * height <= _WORK_WITHOUT_SCAN_LIMIT:
        return
    if _scan_markers(content) > MAX_SCANS:
        raise UnreadableError(f"has more than {MAX_SCANS} scans")


def _scan_markers(content: bytes) -> int:
    """Return how often the two bytes 0xFF 0xDA follow each other: 7 times as fast as by `count`."""
    return sum(
        int(np.count_nonzero(np.frombuffer(content, "<u2", (len(content) - at) // 2, at) == 0xDAFF))
        for at in (0, 1)
    )


@contextmanager
def alone_if_large(pixels: int) -> Iterator[None]:
    """Let one thread at a time hold an image of more than MAX_PIXELS_IN_PARALLEL in memory."""
    if pixels <= MAX_PIXELS_IN_PARALLEL:
        yield
    else:
        with _large_image:
            yield
