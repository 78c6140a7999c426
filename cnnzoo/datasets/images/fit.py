"""Fit an image to the input of a model: height, width and channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cnnzoo.datasets.dataset import ImageShape
from cnnzoo.datasets.pixel_ranges import PixelRange

if TYPE_CHECKING:  # the TFDS process starts faster without the schema
    from cnnzoo.config.data import Resize

MODES = {1: "L", 3: "RGB"}
WHITE = (255, 255, 255, 255)

# Pillow modes without a defined range of values.
_NO_BRIGHTNESS = {"I": "32-bit integers", "F": "floating-point numbers"}
_SIXTEEN_BITS = PixelRange(0, 65535)
_BAND_PIXELS = 2**22  # that are converted at a time


@dataclass(frozen=True, slots=True)
class Fit:
    """The shape that every image gets, (height, width, 1 or 3), and how it is resized."""

    shape: ImageShape
    method: str = "stretch"  # or crop, pad
    interpolation: str = "bilinear"  # or nearest, bicubic, lanczos
    pixel_range: tuple[float, float] | None = None  # the values of black and white in a file

    @classmethod
    def of(
        cls, shape: ImageShape, resize: Resize, pixel_range: tuple[float, float] | None = None
    ) -> Fit:
        """Return the Fit that a `resize` section and a range define for this shape."""
        return cls(shape, resize.method, resize.interpolation, pixel_range)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Fit:
        """Return the Fit of a `dataclasses.asdict` that was read from JSON, with lists."""
        found = values.get("pixel_range")
        return cls(
            **values
            | {"shape": tuple(values["shape"]), "pixel_range": tuple(found) if found else None}
        )


def fit_image(image: Image.Image, fit: Fit) -> NDArray[np.uint8]:
    """Convert an image of any mode and size to uint8 [height, width, channels].

    Resized by Pillow's filter of that name, which averages when it shrinks. Gray from colour is the
    ITU-R 601 luma, colour from gray repeats it; transparent pixels become white; 16-bit gray is
    rounded to 8 bits; of another `pixel_range`, pixels are scaled. Raises ValueError for a mode
    without a defined range of values, and for pixels outside the range.
    """
    height, width, channels = fit.shape
    scale = PixelRange(*fit.pixel_range) if fit.pixel_range else None
    image = _in_mode(image, MODES[channels], scale)
    if image.size != (width, height):
        method = Image.Resampling[fit.interpolation.upper()]
        if fit.method == "stretch":
            image = image.resize((width, height), method)
        elif fit.method == "crop":
            image = ImageOps.fit(image, (width, height), method)
        else:
            image = _padded(image, (width, height), method)
    return np.asarray(image).reshape(fit.shape)


def place_back(values: NDArray[np.float32], fit: Fit, size: tuple[int, int]) -> NDArray[np.float32]:
    """Place values of the pixels of a fitted image on the pixels of the image before it was fitted.

    `values` are float32 [height, width] of `fit`; the result has `size` (height, width). Pixels
    that were cropped get 0.
    """
    height, width = size
    rows, columns = values.shape
    if fit.method == "stretch":
        return _resized(values, (width, height))
    if fit.method == "pad":
        left, top, wide, high = _inside((width, height), (columns, rows))
        return _resized(values[top : top + high, left : left + wide], (width, height))
    placed = np.zeros(size, np.float32)
    # As in ImageOps.fit: the largest part of that shape, in the middle.
    wide = min(width, max(1, round(height * columns / rows)))
    high = min(height, max(1, round(width * rows / columns)))
    top, left = (height - high) // 2, (width - wide) // 2
    placed[top : top + high, left : left + wide] = _resized(values, (wide, high))
    return placed


def fit_images(images: NDArray[np.uint8], fit: Fit) -> NDArray[np.uint8]:
    """Fit images uint8 [n, height, width, 1 or 3] to another shape."""
    if images.shape[1:] == fit.shape:
        return images
    fitted = np.empty((len(images), *fit.shape), np.uint8)
    for index, pixels in enumerate(images):
        fitted[index] = fit_image(as_image(pixels), fit)
    return fitted


def as_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return pixels uint8 [height, width, 1 or 3] as a Pillow image."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _in_mode(image: Image.Image, mode: str, scale: PixelRange | None) -> Image.Image:
    """Convert an image, a band of rows at a time, so that intermediate results take little memory.

    Raises ValueError for a mode without a defined range of values.
    """
    if image.mode in _NO_BRIGHTNESS:
        raise ValueError(f"its pixels are {_NO_BRIGHTNESS[image.mode]}")
    if image.mode == mode and not image.has_transparency_data and not scale:
        return image
    rows = max(1, _BAND_PIXELS // image.width)
    if image.height <= rows:
        return _band_in_mode(image, mode, scale)
    converted = Image.new(mode, image.size)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(image.height, top + rows)))
        converted.paste(_band_in_mode(band, mode, scale), (0, top))
    return converted


def _band_in_mode(image: Image.Image, mode: str, scale: PixelRange | None) -> Image.Image:
    if image.mode.startswith("I;16"):
        return _eight_bits(image, scale or _SIXTEEN_BITS).convert(mode)
    if scale:
        image = Image.fromarray(_scaled(np.asarray(image.convert(mode)), scale))
    elif image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, WHITE)
        image = Image.alpha_composite(opaque, image.convert("RGBA"))
    return image if image.mode == mode else image.convert(mode)


def _scaled(pixels: NDArray[Any], scale: PixelRange) -> NDArray[np.uint8]:
    if (wrong := scale.outside(pixels)).any():
        raise ValueError(f"has the pixel {pixels[wrong][0]}; data.pixel_range is {scale}")
    return scale.to_bytes(pixels)


def _eight_bits(image: Image.Image, scale: PixelRange) -> Image.Image:
    pixels = np.asarray(image)
    gray = _scaled(pixels, scale)
    if (transparent := image.info.get("transparency")) is not None:
        gray[pixels == transparent] = WHITE[0]
    return Image.fromarray(gray)


def _padded(image: Image.Image, size: tuple[int, int], method: Image.Resampling) -> Image.Image:
    """Center the whole image in a black one of that size; each side keeps at least one pixel."""
    left, top, *inner = _inside(image.size, size)
    padded = Image.new(image.mode, size)
    resized = image if image.size == tuple(inner) else image.resize((inner[0], inner[1]), method)
    padded.paste(resized, (left, top))
    return padded


def _inside(image: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, width and height of a whole image in the middle of a size."""
    scale = min(size[0] / image[0], size[1] / image[1])
    width, height = max(1, round(image[0] * scale)), max(1, round(image[1] * scale))
    return (size[0] - width) // 2, (size[1] - height) // 2, width, height


def _resized(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))
