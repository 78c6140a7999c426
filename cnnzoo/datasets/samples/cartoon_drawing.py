"""Draw cartoon faces from a seed.

A face is a row of numbers in [0, 1), one for each trait of a person (`_PERSON`) and one for each
trait of an expression (`_EXPRESSIONS`). Every part of it is a polygon in face units: the head is
centred on the origin, y = -1 is its top and y = 1 its chin. Only the last step depends on pixels,
so the same face can be drawn at any size.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageColor, ImageDraw

from cnnzoo.datasets.samples.cartoon_labels import COUNT, LABELS

_Array = NDArray[np.float64]
_Traits = dict[str, _Array]  # name -> values [n, 1], a column that broadcasts against points
_Ranges = dict[str, tuple[float, float]]
_Value = float | _Array

# A class shows the expression of the same name, unless it is listed here.
_SHOWN_BY: dict[str, tuple[str, ...]] = {
    "no_smile": ("angry", "disgust", "fear", "neutral", "sad", "surprise"),
    "smile": ("happy",),
}

# Lowest and highest value of each trait. Heights count upwards; a positive tilt raises the inner
# end of the brow; a positive bend turns the corners of the mouth up.
_NEUTRAL: _Ranges = {
    "brow_height": (0.00, 0.06),
    "brow_tilt": (-0.04, 0.04),
    "brow_arch": (0.02, 0.08),
    "brow_skew": (0.00, 0.03),
    "eye_open": (0.65, 0.95),
    "mouth_width": (0.24, 0.38),
    "mouth_bend": (-0.02, 0.03),
    "mouth_gape": (0.00, 0.00),
    "mouth_lift": (0.50, 0.50),
    "mouth_wave": (0.00, 0.00),
    "mouth_skew": (0.00, 0.03),
    "wrinkles": (0.00, 0.00),
}
_EXPRESSIONS: dict[str, _Ranges] = {
    "angry": {
        "brow_height": (-0.12, -0.04),
        "brow_tilt": (-0.24, -0.12),
        "eye_open": (0.50, 0.80),
        "mouth_width": (0.20, 0.34),
        "mouth_bend": (-0.12, -0.02),
        "mouth_gape": (0.00, 0.10),
    },
    "disgust": {
        "brow_height": (-0.10, 0.00),
        "brow_tilt": (-0.10, 0.00),
        "brow_skew": (0.05, 0.12),
        "eye_open": (0.35, 0.60),
        "mouth_bend": (-0.16, -0.06),
        "mouth_gape": (0.02, 0.16),
        "mouth_lift": (0.80, 1.00),
        "mouth_skew": (0.08, 0.18),
        "wrinkles": (1.00, 1.00),
    },
    "fear": {
        "brow_height": (0.06, 0.16),
        "brow_tilt": (0.10, 0.22),
        "eye_open": (1.05, 1.35),
        "mouth_width": (0.28, 0.40),
        "mouth_bend": (-0.08, 0.00),
        "mouth_gape": (0.12, 0.26),
        "mouth_wave": (0.03, 0.06),
    },
    "happy": {
        "brow_height": (-0.02, 0.14),
        "brow_tilt": (-0.06, 0.08),
        "eye_open": (0.50, 1.10),
        "mouth_width": (0.30, 0.46),
        "mouth_bend": (0.12, 0.24),
        "mouth_gape": (0.00, 0.28),
        "mouth_lift": (0.00, 0.10),
    },
    "neutral": {},
    "sad": {
        "brow_height": (-0.02, 0.08),
        "brow_tilt": (0.10, 0.24),
        "eye_open": (0.40, 0.75),
        "mouth_width": (0.22, 0.34),
        "mouth_bend": (-0.20, -0.08),
    },
    "surprise": {
        "brow_height": (0.14, 0.24),
        "brow_arch": (0.06, 0.14),
        "eye_open": (1.10, 1.40),
        "mouth_width": (0.12, 0.20),
        "mouth_gape": (0.22, 0.42),
    },
}
# Shares of the faces that have an optional feature.
_CHANCES = {
    "beard": 0.25,
    "blush": 0.3,
    "disc": 0.6,
    "glasses": 0.25,
    "lipstick": 0.4,
    "teeth": 0.6,
}
_PERSON: _Ranges = {
    "side": (-1.0, 1.0),  # which half of the face an asymmetric expression moves
    "x": (-0.08, 0.08),  # centre of the head, in sides of the image from its centre
    "y": (-0.09, 0.06),
    "size": (0.34, 0.44),  # half the height of the head, in sides of the image
    "tilt": (-20.0, 20.0),  # degrees
    "turn": (-0.12, 0.12),  # distance of the features from the middle of the head
    "head_width": (0.74, 0.92),
    "jaw": (0.0, 0.28),
    "eye_gap": (0.30, 0.38),
    "eye_size": (0.17, 0.22),
    "gaze": (-0.06, 0.06),
    "brow_weight": (0.030, 0.055),
    "line_weight": (0.026, 0.045),
    "nose": (0.05, 0.12),
    "hair_length": (0.0, 1.0),  # none below 0.12, long above 0.6
    "hairline": (0.60, 0.78),
    "parting": (-0.14, 0.14),
    "disc_x": (-1.8, 1.8),
    "disc_y": (-1.8, 1.8),
    "light_strength": (0.0, 0.35),
    "light_direction": (0.0, 360.0),
    "exposure": (0.80, 1.10),
    "contrast": (0.75, 1.05),
    "noise": (1.0, 6.0),  # standard deviation in gray levels
} | dict.fromkeys(("variant", "skin", "hair", "iris", "shirt", "wall", *_CHANCES), (0.0, 1.0))

# From one end of the range to the other; colours in between are mixtures.
_SKIN = ("#ffe0c4", "#f1c296", "#d6a070", "#a8704a", "#7a5036")
_HAIR = ("#1e1818", "#462c1c", "#7a4824", "#b05428", "#e0b868", "#bebebe")
_IRIS = ("#3c281c", "#604020", "#487048", "#466ea0")
_CLOTH = ("#283c64", "#3c828c", "#f0c85a", "#e66e5a", "#784678")
_WALL = ("#2c3448", "#5a82a0", "#96c8be", "#ecdcb4", "#eca082", "#5a465a")
_WHITE = (248, 246, 240)
_PUPIL = (16, 14, 18)
_GLASSES = (36, 34, 44)
_THROAT = (104, 28, 36)

_SUPERSAMPLING = 4
_BATCH = 256
_LUMA = np.array([[19595], [38470], [7471]], np.uint32)  # ITU-R 601-2 in 1/65536, as Pillow's L


class _Part(NamedTuple):
    """One polygon of each face; an axis of 1 (or a single value) serves all n faces."""

    outline: _Array  # [n, points, 2], face units
    colour: _Array | tuple[int, int, int]  # [n, 3], 0..255
    shown: NDArray[np.bool_] | bool = True  # [n, 1]


def draw(
    label: str, *, height: int, width: int, channels: int, count: int = COUNT, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw `count` faces in random order, the classes of `label` equally often.

    A seed defines a population: face i is the same person at every size and for both labels,
    and a gray face is the luma (ITU-R 601-2) of the coloured one.

    Args:
        label: a key of `LABELS`.
        height: pixels.
        width: pixels.
        channels: 1 (gray) or 3 (RGB).
        count: number of faces; a multiple of the number of classes gives exactly equal numbers.
        seed: non-negative.

    Returns:
        images, uint8 [count, height, width, channels] in 0..255, and labels, int32 [count],
        indices into `LABELS[label]`.

    Raises:
        ValueError: unknown label, or neither 1 nor 3 channels.

    """
    if label not in LABELS:
        raise ValueError(f"label must be one of {', '.join(LABELS)}. Received: label={label!r}")
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 (gray) or 3 (RGB). Received: channels={channels}")
    people, order, grain = (
        np.random.Generator(np.random.PCG64(child))
        for child in np.random.SeedSequence(seed).spawn(3)
    )
    labels = np.argsort(order.random(count), kind="stable") % len(LABELS[label])
    traits = _traits(people, LABELS[label], labels)
    images = np.empty((count, height, width, channels), np.uint8)
    for start in range(0, count, _BATCH):
        batch = slice(start, start + _BATCH)
        faces = {name: values[batch] for name, values in traits.items()}
        photos = _photograph(_paint(faces, height, width), faces, grain)
        images[batch] = photos if channels == 3 else _luma(photos)
    return images, labels.astype(np.int32)


def _traits(
    people: np.random.Generator, classes: Sequence[str], labels: NDArray[np.intp]
) -> _Traits:
    """Give each face a person and the expression of its class."""
    # A row for each face, so that face i does not depend on how many follow it.
    rows = people.random((len(labels), len(_PERSON) + len(_NEUTRAL)))
    person, expression = np.split(rows, [len(_PERSON)], axis=1)
    traits = _within(_PERSON.keys(), np.array(list(_PERSON.values())), person)

    ranges = np.empty((*expression.shape, 2))
    for index, name in enumerate(classes):
        shown_by = _SHOWN_BY.get(name, (name,))
        variants = (traits["variant"][:, 0] * len(shown_by)).astype(int)
        for variant, shown in enumerate(shown_by):
            chosen = (labels == index) & (variants == variant)
            ranges[chosen] = list((_NEUTRAL | _EXPRESSIONS[shown]).values())
    return traits | _within(_NEUTRAL.keys(), ranges, expression)


def _within(names: Collection[str], ranges: _Array, position: _Array) -> _Traits:
    """Move positions [n, traits] from 0..1 into ranges [traits, 2] or [n, traits, 2]."""
    low, high = np.moveaxis(ranges, -1, 0)
    columns = np.split(low + position * (high - low), len(names), axis=1)
    return dict(zip(names, columns, strict=True))


def _paint(t: _Traits, height: int, width: int) -> NDArray[np.uint8]:
    """Paint the faces in flat colours, back to front: [n, height, width, 3]."""
    side = _SUPERSAMPLING * min(height, width)
    middle = _SUPERSAMPLING * np.array([width, height]) / 2
    centre = middle + side * np.hstack([t["x"], t["y"]])
    angle = np.radians(t["tilt"])
    turned = np.hstack([np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)])
    matrix = (side * t["size"] * turned).reshape(-1, 2, 2)

    parts = [*_backdrop(t), *_head(t), *_eyes(t), *_nose(t), *_mouth(t), *_glasses(t)]
    n = len(centre)
    shown = np.hstack([np.broadcast_to(part.shown, (n, 1)) for part in parts])
    outlines, fills = [], []
    for part in parts:
        pixels = np.rint(part.outline @ matrix + centre[:, None]).astype(int)
        outlines.append(pixels.reshape(n, -1).tolist())
        colours = np.rint(np.broadcast_to(part.colour, (n, 3))).astype(int)
        fills.append([tuple(colour) for colour in colours.tolist()])

    images = np.empty((n, height, width, 3), np.uint8)
    for face in range(n):
        canvas = Image.new("RGB", (_SUPERSAMPLING * width, _SUPERSAMPLING * height))
        pen = ImageDraw.Draw(canvas)
        for index in np.flatnonzero(shown[face]).tolist():
            pen.polygon(outlines[index][face], fill=fills[index][face])
        images[face] = np.asarray(canvas.reduce(_SUPERSAMPLING))
    return images


def _photograph(
    images: NDArray[np.uint8], t: _Traits, grain: np.random.Generator
) -> NDArray[np.uint8]:
    """Light the faces from one side, expose them, add noise: [n, height, width, 3] as before."""
    height, width = images.shape[1:3]
    x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)[:, None]
    cube = {name: values[..., None] for name, values in t.items()}
    angle = np.radians(cube["light_direction"])
    light = 1 + cube["light_strength"] * (np.cos(angle) * x + np.sin(angle) * y)
    gain = cube["contrast"] * cube["exposure"] * light
    # Uniform numbers in a range of this width have the requested standard deviation.
    noise = (grain.random(gain.shape) - 0.5) * np.sqrt(12) * cube["noise"]
    shift = 128 * (1 - cube["contrast"]) + noise
    photos = images * gain.astype(np.float32)[..., None] + shift.astype(np.float32)[..., None]
    developed: NDArray[np.uint8] = np.rint(photos).clip(0, 255).astype(np.uint8)
    return developed


def _luma(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn RGB [..., 3] into gray [..., 1]."""
    weighted: NDArray[np.uint32] = images.astype(np.uint32) @ _LUMA + 0x8000
    luma: NDArray[np.uint8] = (weighted >> 16).astype(np.uint8)
    return luma


def _backdrop(t: _Traits) -> list[_Part]:
    """Return the wall, a disc on it, and the visible part of the body."""
    wall, skin, hair = _mix(_WALL, t["wall"]), _mix(_SKIN, t["skin"]), 0.85 * _mix(_HAIR, t["hair"])
    return [
        _Part(_ellipse(0, 0, 30, 30), wall),
        _Part(_ellipse(t["disc_x"], t["disc_y"], 0.9, 0.9), 0.8 * wall, _has(t, "disc")),
        _Part(_ellipse(0, 0.1, 1.14 * t["head_width"], 1.12), hair, t["hair_length"] > 0.6),
        _Part(_ellipse(0, 1.0, 0.36, 0.5), 0.86 * skin),
        _Part(_ellipse(0, 2.0, 1.25, 0.75), _mix(_CLOTH, t["shirt"])),
    ]


def _head(t: _Traits) -> list[_Part]:
    """Return ears, head, cheeks, beard and hair."""
    skin, hair, wide = _mix(_SKIN, t["skin"]), _mix(_HAIR, t["hair"]), t["head_width"]
    rosy, blushing = skin * (1, 0.84, 0.82), _has(t, "blush")

    def contour(start: float, stop: float, size: float) -> _Array:
        angle = np.pi * np.linspace(start, stop, 24)
        chin = 1 - t["jaw"] * np.maximum(np.sin(angle), 0) ** 2
        return size * _points(wide * chin * np.cos(angle), np.sin(angle))

    across = np.linspace(0.95, -0.95, 12)
    hairline = -t["hairline"] + t["parting"] * across + 0.45 * across**4
    cap = np.hstack([contour(1, 2, 1.07), _points(wide * across, hairline)])
    beard = np.hstack([contour(0, 1, 1.03), _points(-wide * across, 0.8 - 0.7 * across**4)])
    return [
        _Part(_ellipse(-wide, 0.02, 0.13, 0.2), 0.93 * skin),
        _Part(_ellipse(wide, 0.02, 0.13, 0.2), 0.93 * skin),
        _Part(contour(0, 2, 1.0), skin),
        _Part(_ellipse(t["turn"] - 0.5, 0.26, 0.15, 0.11), rosy, blushing),
        _Part(_ellipse(t["turn"] + 0.5, 0.26, 0.15, 0.11), rosy, blushing),
        _Part(beard, hair, _has(t, "beard")),
        _Part(cap, hair, t["hair_length"] > 0.12),
    ]


def _eyes(t: _Traits) -> list[_Part]:
    """Return both eyes with their lids and brows."""
    skin, wide, tall = _mix(_SKIN, t["skin"]), t["eye_size"], t["eye_size"] * t["eye_open"]
    brow_colour = np.minimum(_mix(_HAIR, t["hair"]), 0.45 * skin)
    along, above = np.linspace(-1, 1, 9), np.pi * np.linspace(1, 2, 9)
    parts = []
    for side in (-1, 1):
        x, y = t["turn"] + side * t["eye_gap"], -0.1
        iris = _ellipse(x + t["gaze"], y, 0.55 * wide, 0.55 * wide)
        pupil = _ellipse(x + t["gaze"], y, 0.25 * wide, 0.25 * wide)
        lid_x, lid_y = x + 1.1 * wide * np.cos(above), y + tall * np.sin(above)
        rise = t["brow_height"] + side * np.sign(t["side"]) * t["brow_skew"]
        rise = rise - side * t["brow_tilt"] * along + t["brow_arch"] * (1 - along**2)
        parts += [
            _Part(_ellipse(x, y, wide, tall), _WHITE),
            _Part(_between(iris, y - tall, y + tall), _mix(_IRIS, t["iris"])),
            _Part(_between(pupil, y - tall, y + tall), _PUPIL),
            _Part(_stroke(lid_x, lid_y, t["line_weight"]), 0.3 * skin),
            _Part(_stroke(x + 0.23 * along, -0.42 - rise, t["brow_weight"]), brow_colour),
        ]
    return parts


def _nose(t: _Traits) -> list[_Part]:
    """Return the nose, with wrinkles on its bridge and folds next to it."""
    shade = 0.6 * _mix(_SKIN, t["skin"])
    x, size, along = 1.3 * t["turn"], t["nose"], np.linspace(-1, 1, 7)
    facing = np.where(t["turn"] > 0, 1, -1)
    profile = np.array([0.0, 0.6, 1.0, 1.0, 0.5, -0.3]), np.array([-0.1, 0.4, 0.9, 1.1, 1.25, 1.2])
    wrinkled = t["wrinkles"] > 0.5
    parts = [_Part(_stroke(x + facing * size * profile[0], 0.2 * profile[1], 0.022), shade)]
    for y in (-0.12, -0.02):
        arch = y - 0.05 * (1 - along**2)
        parts.append(_Part(_stroke(x + 0.11 * along, arch, 0.02), shade, wrinkled))
    for side in (-1, 1):
        fold = x + side * (0.26 + 0.07 * along - 0.04 * along**2)
        parts.append(_Part(_stroke(fold, 0.28 + 0.1 * along, 0.02), shade, wrinkled))
    return parts


def _mouth(t: _Traits) -> list[_Part]:
    """Return the mouth: the opening between its two lips, teeth in it, the lips around it."""
    x = np.linspace(-1, 1, 17)
    bow = t["mouth_bend"] * (0.5 - x**2) + t["mouth_wave"] * np.sin(2 * np.pi * x)
    middle = 0.48 + bow - t["mouth_skew"] * np.sign(t["side"]) * x
    gap = t["mouth_gape"] * np.sqrt(1 - x**2)
    upper, lower = middle - t["mouth_lift"] * gap, middle + (1 - t["mouth_lift"]) * gap
    bite = np.minimum(upper + 0.09, lower)
    along = t["turn"] + t["mouth_width"] * x
    is_open = t["mouth_gape"] > 0.03
    skin = _mix(_SKIN, t["skin"])
    lip = skin * np.where(_has(t, "lipstick"), (0.72, 0.28, 0.32), 0.3)
    return [
        _Part(_band(along, upper, lower), _THROAT, is_open),
        _Part(_band(along, upper, bite), _WHITE, is_open & _has(t, "teeth")),
        _Part(_stroke(along, upper, t["line_weight"]), lip),
        _Part(_stroke(along, lower, t["line_weight"]), lip, is_open),
    ]


def _glasses(t: _Traits) -> list[_Part]:
    """Return two rings and their bridge."""
    worn = _has(t, "glasses")
    angle, along = 2 * np.pi * np.linspace(0, 1, 24), np.linspace(-1, 1, 3)
    bridge = (t["eye_gap"] - 0.27) * along
    parts = [_Part(_stroke(t["turn"] + bridge, -0.1, 0.02), _GLASSES, worn)]
    for side in (-1, 1):
        ring = t["turn"] + side * t["eye_gap"] + 0.27 * np.cos(angle)
        parts.append(_Part(_stroke(ring, -0.1 + 0.25 * np.sin(angle), 0.02), _GLASSES, worn))
    return parts


def _has(t: _Traits, name: str) -> NDArray[np.bool_]:
    return t[name] < _CHANCES[name]


def _points(x: ArrayLike, y: ArrayLike) -> _Array:
    """Pair coordinates, each a number, [p], [n, 1] or [n, p]: [n, p, 2]."""
    return np.stack(np.broadcast_arrays(np.atleast_2d(x), np.atleast_2d(y)), axis=-1)


def _ellipse(x: _Value, y: _Value, half_width: _Value, half_height: _Value) -> _Array:
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    return _points(x + half_width * np.cos(angle), y + half_height * np.sin(angle))


def _band(x: _Array, upper: _Array, lower: _Array) -> _Array:
    """Outline the area between two curves over the same x [n, p]: [n, 2 p, 2]."""
    return np.hstack([_points(x, upper), _points(x, lower)[:, ::-1]])


def _stroke(x: _Array, y: ArrayLike, weight: _Value) -> _Array:
    """Outline a curve as drawn by a pen that reaches `weight` to either side: [n, 2 p, 2]."""
    curve = _points(x, y)
    along = np.gradient(curve, axis=1)
    across = along[..., ::-1] * (-1, 1) / np.linalg.norm(along, axis=-1, keepdims=True)
    reach = np.reshape(weight, (-1, 1, 1)) * across
    return np.hstack([curve + reach, (curve - reach)[:, ::-1]])


def _between(outline: _Array, top: _Value, bottom: _Value) -> _Array:
    """Cut off the parts above `top` or below `bottom`."""
    return _points(outline[..., 0], np.clip(outline[..., 1], top, bottom))


def _mix(colours: Sequence[str], position: _Array) -> _Array:
    """Interpolate positions [n, 1] in 0..1 along a row of colours: [n, 3]."""
    stops = np.linspace(0, 1, len(colours))
    channels = np.transpose([ImageColor.getrgb(colour) for colour in colours])
    return np.hstack([np.interp(position, stops, channel) for channel in channels])
