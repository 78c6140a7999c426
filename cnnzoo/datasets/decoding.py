"""Decode single image files: the public functions of `cnnzoo.datasets.images`."""

from __future__ import annotations

from cnnzoo.datasets.images.decode import UnreadableError as UnreadableError
from cnnzoo.datasets.images.decode import decode_file as decode_file

__all__ = ["UnreadableError", "decode_file"]
