"""Decode image files from untrusted sources: formats, orientation, errors.

An image is decoded completely or not at all: missing pixels are never filled.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from cnnzoo.datasets.images import jpeg
from cnnzoo.datasets.images.fit import Fit, as_image, fit_image
from cnnzoo.datasets.images.limits import (
    MAX_FILE_BYTES,
    MAX_PIXELS,
    TooManyPixelsError,
    alone_if_large,
    check_pixels,
    check_scans,
)
from cnnzoo.datasets.images.limits import UnreadableError as UnreadableError
from cnnzoo.regular_files import read_regular

# File name suffix → Pillow's name of the format.
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
_PILLOW_FORMATS = tuple(dict.fromkeys(FORMATS.values()))

# Offsets, bytes and names of other file formats.
_OTHERS = (
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphe", "HEIC"),
    (4, b"ftypm", "HEIC"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL ", "JPEG XL"),
    (4, b"jP  ", "JPEG 2000"),
    (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"),
    (0, b"PK\x03\x04", "an archive"),
    (0, b"<", "a web page or SVG"),
)

_ORIENTATION = 0x0112  # the EXIF tag
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXCHANGE_SIDES = tuple(_TRANSPOSITIONS[value] for value in (5, 6, 7, 8))

# The TIFF tags for the width and height of a tile, which may be larger than the image.
_TILE_SIZE = 322, 323


def decode_file(path: str | Path, fit: Fit) -> NDArray[np.uint8]:
    """Decode an image file, uint8 [height, width, channels]; see `decode`."""
    with no_warnings():
        return decode(read_file(path), fit)


@contextmanager
def no_warnings() -> Iterator[None]:
    """Silence Pillow's warnings about odd metadata; important problems raise errors.

    Use it in the main thread, around everything that decodes: Python's warning filters are shared
    by all threads.
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
    """Decode the bytes of an image file, uint8 [height, width, channels].

    Of several frames the first is used; the EXIF orientation is applied. Raises UnreadableError if
    the bytes are not an image, are cut off, or exceed a limit. Call it inside `no_warnings`.
    """
    try:
        if content.startswith(jpeg.START) and (header := jpeg.read_header(content)):
            if header.is_usual and not fit.pixel_range:
                pixels = _decode_usual_jpeg(content, header, fit)
                if pixels is not None:
                    return pixels
            else:
                jpeg.check_complete(content, header)
                content += jpeg.END  # Pillow refuses a file that lacks only this
        with open_image(content) as image, alone_if_large(image.width * image.height):
            image.load()
            return fit_image(_upright(image, _transposition(image.getexif)), fit)
    except UnreadableError:
        raise
    except MemoryError:
        raise UnreadableError("needs more memory than is available") from None
    except Exception as error:  # a parser of untrusted bytes may raise anything
        raise UnreadableError(_reason(error)) from None


def upright_size(content: bytes) -> tuple[int, int]:
    """Return the height and width of an image after its EXIF orientation is applied.

    Raises UnreadableError as `decode`, but decodes no pixels. Call it inside `no_warnings`.
    """
    try:
        with open_image(content) as image:
            width, height = image.size
            turned = _transposition(image.getexif) in _EXCHANGE_SIDES
    except UnreadableError:
        raise
    except Exception as error:  # a parser of untrusted bytes may raise anything
        raise UnreadableError(_reason(error)) from None
    return (width, height) if turned else (height, width)


def open_image(content: bytes) -> Image.Image:
    """Open an image without decoding its pixels; raise UnreadableError if it exceeds a limit."""
    if content.startswith(b"RIFF"):  # Pillow allocates the canvas of a WebP when it opens it
        check_pixels(*_webp_size(content))
    try:
        image = Image.open(io.BytesIO(content), formats=_PILLOW_FORMATS)
    except UnidentifiedImageError:
        raise UnreadableError(f"is not an image in a known format{_other(content)}") from None
    except Image.DecompressionBombError:
        raise TooManyPixelsError(f"has more than {MAX_PIXELS:,} pixels") from None
    check_pixels(*image.size)
    tags = getattr(image, "tag_v2", {})
    check_pixels(*(max(1, int(tags.get(tag, 1))) for tag in _TILE_SIZE))
    if content.startswith(jpeg.START):
        check_scans(content, *image.size)
    return image


def _decode_usual_jpeg(content: bytes, header: jpeg.Header, fit: Fit) -> NDArray[np.uint8] | None:
    transposition = _transposition(lambda: jpeg.exif_of(content))
    pixels = jpeg.decode(content, header, fit, turned=transposition in _EXCHANGE_SIDES)
    if pixels is None or (transposition is None and pixels.shape == fit.shape):
        return pixels
    return fit_image(_upright(as_image(pixels), transposition), fit)


def _transposition(read_exif: Callable[[], Image.Exif | None]) -> Image.Transpose | None:
    """Return the operation that turns an image upright; damaged metadata are ignored."""
    try:
        exif = read_exif()
        return _TRANSPOSITIONS.get(exif.get(_ORIENTATION, 1)) if exif else None
    except Exception:  # a parser of untrusted bytes may raise anything
        return None


def _upright(image: Image.Image, transposition: Image.Transpose | None) -> Image.Image:
    return image if transposition is None else image.transpose(transposition)


def _other(content: bytes) -> str:
    """Describe a file that is not a known image, without its bytes, which may be secret."""
    kind = next((kind for at, start, kind in _OTHERS if content.startswith(start, at)), None)
    return f", but {kind}" if kind else ""


def _webp_size(content: bytes) -> tuple[int, int]:
    """Return the width and height in the header of an extended WebP, else (1, 1)."""
    if content[8:16] != b"WEBPVP8X" or len(content) < 30:
        return 1, 1
    width, height = (int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
    return width + 1, height + 1


def _reason(error: Exception) -> str:
    text = str(error).strip().rstrip(".") or type(error).__name__
    return text if text.startswith(("is ", "its ", "has ")) else f"cannot be decoded: {text}"
