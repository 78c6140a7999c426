"""Image files of strangers → pixels: formats, orientation, limits. Nothing is ever substituted."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from cnnzoo.datasets.images import Fit, fit_image

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

_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = 1
_JPEG = b"\xff\xd8\xff"
_TURBO_MODES = {1: "GRAY", 3: "RGB"}


class UnreadableError(Exception):
    """Why a file is no image that can be used."""


def decode_file(path: str | Path, fit: Fit) -> NDArray[np.uint8]:
    """The picture in a file, uint8 [height, width, channels]; raises UnreadableError."""
    return decode(read_file(path), fit)


def read_file(path: str | Path) -> bytes:
    """The bytes of an image file; raises UnreadableError where there are none, or too many."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the fastest way, and this runs a million times
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UnreadableError(error.strerror or "cannot be read") from None
    if not content:
        raise UnreadableError("is empty")
    if len(content) > MAX_FILE_BYTES:
        raise UnreadableError(f"is larger than {MAX_FILE_BYTES >> 20} MiB")
    return content


def decode(content: bytes, fit: Fit) -> NDArray[np.uint8]:
    """The picture in the bytes of a file, uint8 [height, width, channels].

    The first frame, turned upright as its EXIF orientation says. Raises UnreadableError where the
    bytes are no image, are cut off, or hold more than MAX_PIXELS pixels.
    """
    if content.startswith(_JPEG) and (pixels := _decode_jpeg(content, fit)) is not None:
        return pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata; what matters raises
            with open_image(content) as image:
                return fit_image(ImageOps.exif_transpose(image), fit)
    except UnreadableError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, OverflowError) as error:
        raise UnreadableError(_reason(error)) from None


def open_image(content: bytes) -> Image.Image:
    """A picture whose pixels are not yet decoded; raises UnreadableError where it is too large."""
    try:
        image = Image.open(io.BytesIO(content), formats=(*set(FORMATS.values()), "MPO"))
    except UnidentifiedImageError:
        raise UnreadableError(f"is no image: it begins with {content[:12]!r}") from None
    except Image.DecompressionBombError:
        raise UnreadableError(f"has more than {MAX_PIXELS:,} pixels") from None
    _refuse_bomb(*image.size)
    return image


def _decode_jpeg(content: bytes, fit: Fit) -> NDArray[np.uint8] | None:
    """An upright gray or YCbCr JPEG, shrunk while it is decoded; None where Pillow must look."""
    if _orientation(content) != _UPRIGHT:
        return None
    height, width, channels = fit.shape
    try:
        full_height, full_width, colors, _ = simplejpeg.decode_jpeg_header(content)
        if colors not in ("Gray", "YCbCr"):
            return None
        _refuse_bomb(full_width, full_height)
        mode = _TURBO_MODES[channels]
        pixels = simplejpeg.decode_jpeg(content, mode, min_height=height, min_width=width)
    except ValueError:
        return None
    if pixels.shape == fit.shape:
        return np.asarray(pixels)
    return fit_image(Image.fromarray(pixels[..., 0] if channels == 1 else pixels), fit)


def _orientation(content: bytes) -> int:
    if content.find(b"Exif\0\0", 0, 65536) < 0:
        return _UPRIGHT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(open_image(content).getexif().get(_ORIENTATION, _UPRIGHT))
    except (OSError, ValueError, SyntaxError, TypeError, struct.error):
        return _UPRIGHT  # damaged metadata say nothing


def _refuse_bomb(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableError(f"has {width}x{height} pixels, more than {MAX_PIXELS:,}")


def _reason(error: Exception) -> str:
    text = str(error).strip().rstrip(".") or type(error).__name__
    return text if text.startswith(("is ", "its ", "has ")) else f"cannot be decoded: {text}"
