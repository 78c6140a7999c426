"""What image files are like before they are made to fit a model, and what lies beside them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.check.pictures import looks_gray
from cnnzoo.datasets.images.decode import FORMATS, no_warnings, open_image, read_file
from cnnzoo.datasets.images.workers import Progress

GRAY, GRAY_AS_COLOUR, COLOUR, TRANSPARENT = "gray", "gray stored as colour", "colour", "transparent"

_LOOK_AT = 16  # pixels a side that are enough to tell gray from colour


@dataclass(frozen=True, slots=True)
class Facts:
    """The sizes int64 [n, 2] of n files, width before height, and what colours they have.

    A file that cannot be read has the size 0 and no colours.
    """

    sizes: NDArray[np.int64]
    colours: tuple[str, ...]


def root_of(data: DataConfig, names: Sequence[str]) -> Path | None:
    """The folder that these examples are files below, None where they are none."""
    if data.folder:
        return Path(data.folder)
    root = Path(data.csv).parent if data.csv else None
    return root if root and names and (root / names[0]).is_file() else None


def file_facts(root: Path, names: Sequence[str], on_progress: Progress) -> Facts:
    """Look into each of the files; their pixels are only read to tell gray from colour."""
    sizes = np.zeros((len(names), 2), np.int64)
    colours = []
    with no_warnings():
        for row, name in enumerate(names):
            width, height, colour = _look_into(root / name)
            sizes[row] = width, height
            colours.append(colour)
            if row % 256 == 255 or row + 1 == len(names):
                on_progress(row + 1, len(names))
    return Facts(sizes, tuple(colours))


def stray_files(root: Path) -> dict[str, str]:
    """The files below a folder that are not taken for images, each with the reason."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        for name in sorted(files):
            below = (Path(folder) / name).relative_to(root).as_posix()
            if name[0] == ".":
                found[below] = "is hidden"
            elif not _is_image(name):
                found[below] = (
                    f"ends in {suffix!r}" if (suffix := Path(name).suffix) else "no image"
                )
    return found


def empty_folders(root: Path) -> list[str]:
    """The folders below a folder that have no image in or below them; of nested ones the top."""
    empty: dict[str, bool] = {}
    for folder, folders, files in os.walk(root, topdown=False):
        inner = [f"{folder}/{name}" for name in folders if name[0] != "."]
        # What a link leads to is not visited, and not called empty.
        empty[folder] = not any(map(_is_image, files)) and all(
            empty.get(path, False) for path in inner
        )
    tops = [path for path in empty if empty[path] and not empty.get(str(Path(path).parent))]
    below = sorted(Path(path).relative_to(root).as_posix() for path in tops)
    return [path for path in below if not any(part[0] == "." for part in path.split("/"))]


def _is_image(name: str) -> bool:
    return name[0] != "." and name.lower().endswith(tuple(FORMATS))


def _look_into(path: Path) -> tuple[int, int, str]:
    """The width, height and colours of an image file."""
    try:
        content = read_file(path)
        return _jpeg_facts(content) or _facts(content)
    except Exception:  # a parser of strangers' bytes may raise anything
        return 0, 0, ""


def _jpeg_facts(content: bytes) -> tuple[int, int, str] | None:
    """The width, height and colours of an ordinary JPEG, read much faster than by Pillow."""
    try:
        height, width, stored, _ = simplejpeg.decode_jpeg_header(content)
        if stored == "Gray":
            return width, height, GRAY
        pixels = simplejpeg.decode_jpeg(content, "RGB", min_height=_LOOK_AT, min_width=_LOOK_AT)
    except ValueError:
        return None
    return width, height, GRAY_AS_COLOUR if looks_gray(pixels) else COLOUR


def _facts(content: bytes) -> tuple[int, int, str]:
    with open_image(content) as image:
        width, height = image.size
        if image.mode in ("1", "L") or image.mode.startswith("I;16"):
            return width, height, GRAY
        if image.has_transparency_data:
            return width, height, TRANSPARENT
        small = image.convert("RGB").resize((_LOOK_AT, _LOOK_AT), Image.Resampling.BOX)
        return width, height, GRAY_AS_COLOUR if looks_gray(np.asarray(small)) else COLOUR
