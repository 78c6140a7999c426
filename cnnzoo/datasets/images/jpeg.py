"""Decode JPEG files with libjpeg-turbo: they are shrunk during decoding, and must be complete.

This is several times as fast as Pillow for the usual gray and YCbCr files. Pillow decodes the
others, after `check_complete`, because it fills missing pixels with gray without an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.images.limits import (
    MAX_PIXELS_IN_PARALLEL,
    UnreadableError,
    alone_if_large,
    check_pixels,
    check_scans,
)

START, END = b"\xff\xd8\xff", b"\xff\xd9"
_MODES = {1: "GRAY", 3: "RGB"}

# Size of the decoded image, in sizes of the target; Pillow's filter shrinks it further.
_SHRINK_MARGIN = {"bilinear": 1, "bicubic": 2, "lanczos": 2}

# Any number of fill bytes 0xFF may precede a marker; 0xFF 0x00 is a data byte.
_MARKER = re.compile(rb"\xff([\x01-\xfe])")
_WITHOUT_LENGTH = frozenset([0x01, *range(0xD0, 0xD9)])
_APP1, _START_OF_SCAN, _END_OF_IMAGE = 0xE1, 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EXIF = b"Exif\0\0"
_SMALL = 2**16  # bytes; a search in all of them takes less time than a walk over the segments


@dataclass(frozen=True, slots=True)
class Header:
    """The size of a JPEG in pixels, and its colour space as simplejpeg names it."""

    height: int
    width: int
    colors: str

    @property
    def is_usual(self) -> bool:
        """True if `decode` supports it; Pillow converts the other colour spaces."""
        return self.colors in ("Gray", "YCbCr")


def read_header(content: bytes) -> Header | None:
    """Return the header of a JPEG within the limits, or None if libjpeg-turbo cannot read it."""
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(content)
    except ValueError:
        return None
    check_pixels(width, height)
    check_scans(content, width, height)
    return Header(height, width, colors)


def decode(content: bytes, header: Header, fit: Fit, turned: bool) -> NDArray[np.uint8] | None:
    """Decode a usual JPEG, uint8 [height, width, channels], at least as large as `fit` needs.

    `turned` means that the EXIF orientation exchanges height and width. None means that the file
    has an irregularity that Pillow tolerates. Raises UnreadableError if pixels are missing.
    """
    height, width, channels = fit.shape
    if turned:
        height, width = width, height
    divisor = _divisor(header, height, width, fit)
    size = -(-header.height // divisor), -(-header.width // divisor)
    return _decoded(content, header, _MODES[channels], size)


def check_complete(content: bytes, header: Header) -> None:
    """Raise UnreadableError if pixels of a JPEG in an unusual colour space are missing."""
    _decoded(content, header, "RGB" if header.colors == "RGB" else "CMYK", (1, 1))


def exif_of(content: bytes) -> Image.Exif | None:
    """Return the EXIF metadata of a JPEG; None if there are none before the first scan."""
    if len(content) <= _SMALL and _EXIF not in content:
        return None
    for marker, at, end in _segments(content):
        if marker == _START_OF_SCAN:
            return None
        if marker == _APP1 and content.startswith(_EXIF, at):
            exif = Image.Exif()
            exif.load(content[at:end])
            return exif
    return None


def _decoded(
    content: bytes, header: Header, mode: str, size: tuple[int, int]
) -> NDArray[np.uint8] | None:
    """Decode to at least this height and width; a file that lacks only its end is complete."""

    def decode(content: bytes) -> NDArray[np.uint8]:
        pixels_held = size[0] * size[1]
        if header.height * header.width > MAX_PIXELS_IN_PARALLEL and _has_several_scans(content):
            pixels_held = header.height * header.width  # the decoder keeps all coefficients
        with alone_if_large(pixels_held):
            pixels = simplejpeg.decode_jpeg(content, mode, min_height=size[0], min_width=size[1])
        return np.asarray(pixels)

    try:
        try:
            return decode(content)
        except ValueError as error:
            if "premature end of jpeg file" not in str(error).lower():
                raise
            if not _has_all_scans(content):
                raise UnreadableError("is cut off: pixels are missing") from None
            return decode(content + END)
    except ValueError as error:
        if "premature end" in str(error).lower():
            raise UnreadableError("is cut off or damaged: pixels are missing") from None
        return None


def _divisor(header: Header, height: int, width: int, fit: Fit) -> int:
    """Return the factor by which the decoder shrinks an image: 1, 2, 4 or 8."""
    margin = _SHRINK_MARGIN.get(fit.interpolation)
    if margin is None:
        return 1
    divisor = 1
    while (
        divisor < 8
        and header.height >= 2 * divisor * margin * height
        and header.width >= 2 * divisor * margin * width
    ):
        divisor *= 2
    return divisor


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield each marker with a segment, and the start and end of its data; skip other bytes."""
    at = 2
    while match := _MARKER.search(content, at):
        marker, at = match[1][0], match.end()
        if marker == _END_OF_IMAGE:
            return
        if marker not in _WITHOUT_LENGTH:
            end = at + max(2, int.from_bytes(content[at : at + 2]))
            yield marker, at + 2, end
            at = end


def _has_several_scans(content: bytes) -> bool:
    scans = (marker for marker, _, _ in _segments(content) if marker == _START_OF_SCAN)
    return len(list(islice(scans, 2))) == 2


def _has_all_scans(content: bytes) -> bool:
    """Return whether the scans give every coefficient of every component to its last bit."""
    components = 0
    unfinished: dict[int, set[int]] = {}  # component → missing coefficients
    for marker, at, end in _segments(content):
        data = content[at:end]
        if end > len(content):
            return False
        if marker in _FRAMES and len(data) >= 6:
            components = data[5]
            unfinished = {data[6 + 3 * n]: set(range(64)) for n in range(components)}
        elif marker == _START_OF_SCAN and len(data) >= 4:
            first, last, bits = data[-3:]
            if bits & 15 == 0:
                for n in range(data[0]):
                    unfinished.get(data[1 + 2 * n], set()).difference_update(range(first, last + 1))
    return components > 0 and not any(unfinished.values())
