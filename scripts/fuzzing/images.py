"""Fuzz the decoder of images with mutated files of every format."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from mutant import Mutant
from PIL import Image

from cnnzoo.datasets.check.files import file_facts
from cnnzoo.datasets.images.decode import UnreadableError, decode_file
from cnnzoo.datasets.images.fit import Fit

MAX_SECONDS = 10.0
MAX_BYTES = 2_000_000_000  # more than before the input

# Format, Pillow mode, options of `save`.
SEEDS: list[tuple[str, str, dict[str, Any]]] = [
    ("JPEG", "RGB", {}),
    ("JPEG", "L", {}),
    ("JPEG", "CMYK", {"progressive": True}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "RGB", {"restart_marker_rows": 1, "exif": True}),
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "P", {"transparency": 3}),
    ("PNG", "I;16", {}),
    ("PNG", "L", {"save_all": True}),
    ("GIF", "P", {}),
    ("GIF", "RGB", {"save_all": True}),
    ("BMP", "RGB", {}),
    ("BMP", "P", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("TIFF", "RGBA", {"compression": "tiff_deflate", "exif": True}),
    ("TIFF", "I;16", {}),
    ("TIFF", "1", {"compression": "group4"}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("WEBP", "RGB", {"save_all": True}),
]
NUMBERS = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF]
SHAPES = [(1, 1, 1), (24, 32, 3), (224, 224, 3), (7, 300, 1)]


@cache
def seeds() -> list[bytes]:
    """Return a valid file for each row of SEEDS."""
    rng = np.random.default_rng(0)
    found = []
    for format, mode, options in SEEDS:
        image = Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8))
        image = image.convert("L").convert(mode) if mode == "I;16" else image.convert(mode)
        if options.get("exif"):
            exif = Image.Exif()
            exif[0x0112] = 6
            options = {**options, "exif": exif}
        if options.get("save_all"):
            options = {**options, "append_images": [image.rotate(90), image.rotate(180)]}
        file = io.BytesIO()
        image.save(file, format, **options)
        found.append(file.getvalue())
    return found


def mutant(dice: random.Random) -> Mutant:
    """Return a mutated file of some format."""
    content = bytearray(dice.choice(seeds()))
    for _ in range(dice.choice((1, 1, 2, 5, 30))):
        dice.choice(MUTATIONS)(content, dice)
    return Mutant(bytes(content), "mutant.jpg")


def flip_bits(content: bytearray, dice: random.Random) -> None:
    """Change a byte, more often in the header."""
    if content:
        content[place(content, dice)] ^= 1 << dice.randrange(8)


def write_number(content: bytearray, dice: random.Random) -> None:
    """Overwrite a size, count or offset."""
    at, width = place(content, dice), dice.choice((1, 2, 4))
    number = dice.choice(NUMBERS) % 256**width
    content[at : at + width] = number.to_bytes(width, dice.choice(("little", "big")))


def remove_part(content: bytearray, dice: random.Random) -> None:
    """Remove some bytes."""
    at = place(content, dice)
    del content[at : at + dice.choice((1, 2, 20, 1000))]


def repeat_part(content: bytearray, dice: random.Random) -> None:
    """Repeat some bytes, perhaps very often."""
    at = place(content, dice)
    part = content[at : at + dice.choice((1, 4, 100, 2000))]
    content[at:at] = part * dice.choice((1, 2, 50, 5000 if len(part) < 200 else 5))


def exchange_part(content: bytearray, dice: random.Random) -> None:
    """Replace some bytes with bytes of another file."""
    other = dice.choice(seeds())
    start, length = dice.randrange(len(other)), dice.choice((4, 50, 1000))
    at = place(content, dice)
    content[at : at + length] = other[start : start + length]


def cut_off(content: bytearray, dice: random.Random) -> None:
    """Remove the end."""
    del content[place(content, dice) :]


def place(content: bytearray, dice: random.Random) -> int:
    """Return a random position, half of the time in the first 64 bytes."""
    length = len(content) if dice.random() < 0.5 else min(64, len(content))
    return dice.randrange(length) if length else 0


MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip_bits,
    flip_bits,
    write_number,
    write_number,
    remove_part,
    repeat_part,
    exchange_part,
    cut_off,
)


def try_one(path: Path, words: list[str], dice: random.Random) -> str:
    """Decode and inspect a file; return `valid` or `UnreadableError`."""
    fit = Fit(
        dice.choice(SHAPES),
        dice.choice(("stretch", "crop", "pad")),
        dice.choice(("nearest", "bilinear", "bicubic", "lanczos")),
    )
    file_facts(path.parent, [path.name], lambda done, total: None)
    try:
        pixels = decode_file(path, fit)
    except UnreadableError as error:
        str(error).encode("utf-8")
        if not str(error):
            raise AssertionError("an error without a message") from error
        return "UnreadableError"
    if pixels.shape != fit.shape or pixels.dtype != np.uint8:
        raise AssertionError(f"decoded to {pixels.dtype} {pixels.shape}, expected {fit.shape}")
    return "valid"
