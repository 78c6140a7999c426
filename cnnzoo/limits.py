"""Limits on untrusted files: how much memory, disk and time a file may ask for.

A file of kilobytes can describe a network of gigabytes. Each limit is checked before the work
starts, and the message of the error has the number.
"""

from __future__ import annotations

JSON_BYTES = 16 * 2**20  # a description of a model; NASNetLarge has 3 MiB
JSON_DEPTH = 200  # of nested lists and objects; a model of 10 nested models has about 60
OBJECTS = 100_000  # that a description makes; NASNetLarge has 11,000

SMALL_BYTES = 64 * 2**20
EXPANSION = 2  # weights do not compress

IMAGE_VALUES = 100_000_000  # height x width x channels of the input of a model
CLASSES = 1_000_000
PARAMETERS = 2**31
ACTIVATION_BYTES = 2 * 2**30  # of the output of one layer for one image
BATCH_BYTES = 2**30  # of the outputs of the largest layer for one batch

# Of the server: what one request, and all requests together, may hold in memory.
BODY_BYTES = 32 * 2**20
BODIES_BYTES = 256 * 2**20
REQUEST_IMAGES = 256
WAITING_IMAGES = 1024  # of one model, decoded or in its queue

COUNT = 2**31 - 1  # epochs, images of a batch: libraries count in 32 bits
FOLDS = 1000  # of a cross-validation, a training each
REPEATS = 1000  # of a cross-validation
PATTERN = 1000  # letters of data.group


def unpacked_bytes(stored: int) -> int:
    """Return how many bytes the content of a file may take in memory; `stored` is its size."""
    return max(SMALL_BYTES, EXPANSION * stored)


def size_text(size: float) -> str:
    """Return a number of bytes as text: `12 KiB`, `1.5 GiB`."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:,.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
