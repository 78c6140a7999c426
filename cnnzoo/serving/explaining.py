"""Explanations of one image as JSON: Grad-CAM over the picture, and feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnnzoo.datasets.images.decode import decode, upright_size
from cnnzoo.datasets.images.fit import Fit, place_back
from cnnzoo.evaluation.explain.explain import MapExplanation, Stage
from cnnzoo.reporting.page.pictures import data_uri
from cnnzoo.reporting.tiles import MAGNITUDE, coloured, heat_overlay

LONGEST = 1024  # pixels of the picture
HEAT_LONGEST = 256  # pixels of the transparent overlay, which has no details
MAP_LONGEST = 96  # pixels of a feature map
MAPS = 16  # of a stage
_PNG_PIXELS = 256 * 256  # above it, JPEG: PNG takes a second for a photograph

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def decode_picture(content: bytes, fit: Fit) -> Pixels:
    """Decode the whole image upright, uint8 [height, width, 3], at most LONGEST pixels long."""
    height, width = _within(upright_size(content), LONGEST)
    return decode(content, Fit((height, width, 3), pixel_range=fit.pixel_range))


def explanation_json(
    picture: Pixels, fit: Fit, found: MapExplanation, class_names: Sequence[str]
) -> dict[str, Any]:
    """Return the fields of the answer of `POST /explain`, without the model."""
    height, width, _ = picture.shape
    heat = place_back(found.grad_cam, fit, (height, width))
    kind, options = ("PNG", {}) if height * width <= _PNG_PIXELS else ("JPEG", {"quality": 88})
    return {
        "class": class_names[found.label],
        "probability": float(found.probabilities[found.label]),
        "picture": data_uri(Image.fromarray(heat_overlay(picture, heat)), kind, **options),
        "heat": _heat_uri(heat),
        "stages": [_stage_json(stage) for stage in found.stages],
    }


def _heat_uri(heat: Floats) -> str:
    """Return values from 0 to 1 as a PNG in colour, more transparent where they are small."""
    height, width = _within(heat.shape, HEAT_LONGEST)
    small = Image.fromarray(heat).resize((width, height), Image.Resampling.BILINEAR)
    values = np.clip(np.asarray(small), 0, 1)
    alpha = np.round(255 * 0.75 * np.sqrt(values)).astype(np.uint8)
    return data_uri(Image.fromarray(np.dstack([coloured(values, 0, 1, "inferno"), alpha])), "PNG")


def _stage_json(stage: Stage) -> dict[str, Any]:
    height, width, channels = stage.maps.shape
    strongest = np.argsort(-stage.maps.max(axis=(0, 1)), kind="stable")[:MAPS]
    shown = stage.maps[..., np.sort(strongest)]
    low, high = float(shown.min()), float(shown.max())
    return {
        "name": stage.name,
        "label": f"{height}\N{MULTIPLICATION SIGN}{width}, {channels} maps",
        "shape": [height, width, channels],
        "maps": [_map_uri(shown[..., i], low, high) for i in range(shown.shape[-1])],
    }


def _map_uri(values: Floats, low: float, high: float) -> str:
    image = Image.fromarray(coloured(values, low, high, MAGNITUDE))
    image.thumbnail((MAP_LONGEST, MAP_LONGEST), Image.Resampling.BOX)
    return data_uri(image, "PNG")


def _within(size: tuple[int, ...], longest: int) -> tuple[int, int]:
    """Return a height and width, scaled down to at most `longest` pixels."""
    scale = min(1, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
