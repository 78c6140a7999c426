"""One image as a model takes it: the height, width and channels of its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cnnzoo.datasets.dataset import ImageShape

if TYPE_CHECKING:  # a decoding process starts sooner without the schema
    from cnnzoo.config.data import Resize

MODES = {1: "L", 3: "RGB"}
WHITE = (255, 255, 255, 255)

# Pillow's modes whose values have no agreed meaning as a brightness.
_NO_BRIGHTNESS = {"I": "32-bit integers", "F": "floating-point numbers"}


@dataclass(frozen=True, slots=True)
class Fit:
    """What every image becomes: a shape (height, width, 1 or 3), and how it gets there."""

    shape: ImageShape
    method: str = "stretch"  # or crop, pad
    interpolation: str = "bilinear"  # or nearest, bicubic, lanczos

    @classmethod
    def of(cls, shape: ImageShape, resize: Resize) -> Fit:
        """What a `resize` section makes of images for this shape."""
        return cls(shape, resize.method, resize.interpolation)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Fit:
        """The Fit whose `dataclasses.asdict` went through JSON, which has no tuples."""
        return cls(**values | {"shape": tuple(values["shape"])})


def fit_image(image: Image.Image, fit: Fit) -> NDArray[np.uint8]:
    """A picture of any mode and size as uint8 [height, width, channels].

    Resized by Pillow's filter of that name, which averages when it shrinks. Gray from colour is the
    ITU-R 601 luma, colour from gray repeats it; what is transparent shows white; 16-bit gray is
    rounded to 8 bits. Raises ValueError for pixels that have no such meaning.
    """
    height, width, channels = fit.shape
    image = _in_mode(image, MODES[channels])
    if image.size != (width, height):
        method = Image.Resampling[fit.interpolation.upper()]
        if fit.method == "stretch":
            image = image.resize((width, height), method)
        elif fit.method == "crop":
            image = ImageOps.fit(image, (width, height), method)
        else:
            image = _padded(image, (width, height), method)
    return np.asarray(image).reshape(fit.shape)


def fit_images(images: NDArray[np.uint8], fit: Fit) -> NDArray[np.uint8]:
    """Images uint8 [n, height, width, 1 or 3] at another shape."""
    if images.shape[1:] == fit.shape:
        return images
    fitted = np.empty((len(images), *fit.shape), np.uint8)
    for index, pixels in enumerate(images):
        fitted[index] = fit_image(as_image(pixels), fit)
    return fitted


def as_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """Pixels uint8 [height, width, 1 or 3] as a picture."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode in _NO_BRIGHTNESS:
        raise ValueError(f"its pixels are {_NO_BRIGHTNESS[image.mode]}")
    if image.mode.startswith("I;16"):
        image = _eight_bits(image)
    elif image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, WHITE)
        image = Image.alpha_composite(opaque, image.convert("RGBA"))
    return image if image.mode == mode else image.convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image).astype(np.uint32)
    gray = ((pixels + 128) // 257).astype(np.uint8)
    if (transparent := image.info.get("transparency")) is not None:
        gray[pixels == transparent] = WHITE[0]
    return Image.fromarray(gray)


def _padded(image: Image.Image, size: tuple[int, int], method: Image.Resampling) -> Image.Image:
    """The whole picture in the middle of a black one of that size, however thin it becomes."""
    scale = min(size[0] / image.width, size[1] / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    padded = Image.new(image.mode, size)
    resized = image if image.size == inner else image.resize(inner, method)
    padded.paste(resized, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return padded
