"""Pixels → images inside the page, as data URIs."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnnzoo.datasets.images.fit import as_image

THUMBNAIL = 72  # pixels, the longer side
_QUALITY = 82  # of JPEG

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as a data URI, with its width and height in pixels."""

    uri: str
    width: int
    height: int


def picture(pixels: Pixels, longest: int = THUMBNAIL) -> Picture:
    """Return pixels uint8 [height, width, 1 or 3] as PNG or JPEG, whichever is smaller.

    An image longer than `longest` pixels is scaled down; none is scaled up.
    """
    image = as_image(pixels)
    image.thumbnail((longest, longest), Image.Resampling.BOX)
    uri = min(data_uri(image, "PNG"), data_uri(image, "JPEG", quality=_QUALITY), key=len)
    return Picture(uri, *image.size)


def data_uri(image: Image.Image, kind: str, **options: int) -> str:
    """Return an image as a data URI; `kind` and `options` are those of Pillow's `save`."""
    data = base64.b64encode(_encoded(image, kind, **options)).decode()
    return f"data:image/{kind.lower()};base64,{data}"


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()
