"""Image files of strangers → pixels: formats, orientation, limits. Nothing is ever substituted."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from cnnzoo.datasets.images.fit import Fit, as_image, fit_image
from cnnzoo.regular_files import read_regular

# What a file name ends in → Pillow's name of the format.
FORMATS = {
    ".bmp": "BMP",
    ".gif": "GIF",
    ".jfif": "JPEG",
    ".jpe": "JPEG",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
MAX_PIXELS = 100_000_000
MAX_FILE_BYTES = 256 * 2**20
MAX_SCANS = 500  # of a JPEG; each is a pass over all pixels, and a few bytes in a hostile file
_MUCH_WORK = 2**36  # bytes x pixels: with less, no number of scans takes a second

_PILLOW_FORMATS = tuple(dict.fromkeys(FORMATS.values()))
_TURBO_MODES = {1: "GRAY", 3: "RGB"}

# How much larger than asked a JPEG may leave its decoder; the filter of that name does the rest.
_SHRINK_MARGIN = {"bilinear": 1, "bicubic": 2, "lanczos": 2}

_ORIENTATION = 0x0112  # the EXIF tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_TILE_TAGS = (322, 323)  # TIFF: the width and length of a tile, which may be larger than the image


class UnreadableError(Exception):
    """Why a file is no image that can be used."""


def decode_file(path: str | Path, fit: Fit) -> NDArray[np.uint8]:
    """The picture in a file, uint8 [height, width, channels]; raises UnreadableError."""
    with no_warnings():
        return decode(read_file(path), fit)


@contextmanager
def no_warnings() -> Iterator[None]:
    """Silence Pillow, which warns of odd metadata; what matters it raises.

    For the main thread, around everything that decodes: Python's filters belong to all threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_file(path: str | Path) -> bytes:
    """Return the bytes of an image file; raise UnreadableError if it is special, large or empty."""
    try:
        content = read_regular(path, MAX_FILE_BYTES)
    except OSError as error:
        reason = error.strerror or str(error)
        is_clause = reason.startswith("is ")
        raise UnreadableError(reason if is_clause else f"cannot be read: {reason}") from None
    except ValueError as error:  # a NUL in the path
        raise UnreadableError(f"cannot be read: {error}") from None
    if not content:
        raise UnreadableError("is empty")
    return content


def decode(content: bytes, fit: Fit) -> NDArray[np.uint8]:
    """The picture in the bytes of a file, uint8 [height, width, channels].

    The first frame, turned upright as its EXIF orientation says. Raises UnreadableError where the
    bytes are no image, are cut off, or hold more than MAX_PIXELS pixels. See `no_warnings`.
    """
    try:
        if content.startswith(b"\xff\xd8\xff"):
            pixels = _decode_jpeg(content, fit)
            if pixels is not None:
                return pixels
        with open_image(content) as image:
            image.load()
            return fit_image(_turned(image, _turn(image.getexif)), fit)
    except UnreadableError:
        raise
    except MemoryError:
        raise UnreadableError("needs more memory than there is") from None
    except Exception as error:  # a parser of strangers' bytes may raise anything
        raise UnreadableError(_reason(error)) from None


def open_image(content: bytes) -> Image.Image:
    """A picture whose pixels are not yet decoded; raises UnreadableError where it is too large."""
    if content.startswith(b"RIFF"):  # Pillow takes the memory of a WebP when it opens it
        _refuse_bomb(*_webp_size(content))
    try:
        image = Image.open(io.BytesIO(content), formats=_PILLOW_FORMATS)
    except UnidentifiedImageError:
        raise UnreadableError(f"is no image: it begins with {content[:12]!r}") from None
    except Image.DecompressionBombError:
        raise UnreadableError(f"has more than {MAX_PIXELS:,} pixels") from None
    _refuse_bomb(*image.size)
    tags = getattr(image, "tag_v2", {})
    _refuse_bomb(*(max(1, int(tags.get(tag, 1))) for tag in _TILE_TAGS))
    return image


def _decode_jpeg(content: bytes, fit: Fit) -> NDArray[np.uint8] | None:
    """A gray or YCbCr JPEG, shrunk while it is decoded; None where Pillow must look."""
    height, width, channels = fit.shape
    exif = _jpeg_exif(content)
    turn = _turn(lambda: _parsed(exif)) if exif else None
    if turn in (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8]):
        height, width = width, height
    try:
        full_height, full_width, colors, _ = simplejpeg.decode_jpeg_header(content)
        if colors not in ("Gray", "YCbCr"):
            return None
        _refuse_bomb(full_width, full_height)
        work = len(content) * full_height * full_width
        if work > _MUCH_WORK and content.count(b"\xff\xda") > MAX_SCANS:
            raise UnreadableError(f"has more than {MAX_SCANS} scans")
        divisor = _divisor(full_height, full_width, height, width, fit)
        pixels = simplejpeg.decode_jpeg(
            content,
            _TURBO_MODES[channels],
            min_height=-(-full_height // divisor),
            min_width=-(-full_width // divisor),
        )
    except ValueError as error:
        if "premature end of data segment" in str(error):
            raise UnreadableError("is cut off or damaged: pixels are missing") from None
        return None
    if turn is None and pixels.shape == fit.shape:
        return np.asarray(pixels)
    image = as_image(pixels)
    return fit_image(_turned(image, turn), fit)


def _divisor(full_height: int, full_width: int, height: int, width: int, fit: Fit) -> int:
    """By how much a JPEG shrinks in its decoder, 1, 2, 4 or 8: these are fast, and keep detail."""
    margin = _SHRINK_MARGIN.get(fit.interpolation)
    if margin is None:
        return 1
    divisor = 1
    while (
        divisor < 8
        and full_height >= 2 * divisor * margin * height
        and full_width >= 2 * divisor * margin * width
    ):
        divisor *= 2
    return divisor


def _jpeg_exif(content: bytes) -> bytes | None:
    """The EXIF segment of a JPEG, found by going from segment to segment up to the pixels."""
    at, end = 2, len(content) - 4
    while at < end and content[at] == 0xFF and content[at + 1] != 0xDA:
        length = content[at + 2] << 8 | content[at + 3]
        if content[at + 1] == 0xE1 and content.startswith(b"Exif\0\0", at + 4):
            return content[at + 4 : at + 2 + length]
        at += 2 + length
    return None


def _parsed(exif: bytes) -> Image.Exif:
    parsed = Image.Exif()
    parsed.load(exif)
    return parsed


def _turn(exif: Callable[[], Image.Exif]) -> Image.Transpose | None:
    """What turns a picture upright; damaged metadata say nothing."""
    try:
        return _TURNS.get(exif().get(_ORIENTATION, 1))
    except Exception:
        return None


def _turned(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    return image if turn is None else image.transpose(turn)


def _webp_size(content: bytes) -> tuple[int, int]:
    """The width and height of the canvas that an extended WebP says it has, else (1, 1)."""
    if content[8:16] != b"WEBPVP8X" or len(content) < 30:
        return 1, 1
    width, height = (int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
    return width + 1, height + 1


def _refuse_bomb(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableError(f"has {width}x{height} pixels, more than {MAX_PIXELS:,}")


def _reason(error: Exception) -> str:
    text = str(error).strip().rstrip(".") or type(error).__name__
    return text if text.startswith(("is ", "its ", "has ")) else f"cannot be decoded: {text}"
