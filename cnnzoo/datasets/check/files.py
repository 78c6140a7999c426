"""Facts about image files before they are resized, and about other files next to them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.check.pictures import looks_gray
from cnnzoo.datasets.image_names import is_hidden, is_image
from cnnzoo.datasets.images import jpeg
from cnnzoo.datasets.images.decode import no_warnings, open_image, read_file
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.images.workers import Progress

GRAY, GRAY_AS_COLOUR, COLOUR, TRANSPARENT = "gray", "gray stored as colour", "colour", "transparent"

_LOOK_AT = 16  # pixels per side, enough to tell gray from colour


@dataclass(frozen=True, slots=True)
class Facts:
    """The sizes int64 [n, 2] (width, height), colours and formats of n files.

    A file that cannot be read has the size 0, no colour and no format.
    """

    sizes: NDArray[np.int64]
    colours: tuple[str, ...]
    formats: tuple[str, ...]


def root_of(data: DataConfig, names: Sequence[str]) -> Path | None:
    """Return the folder that contains the files of these examples, None if they are not files."""
    if data.folder:
        return Path(data.folder)
    root = Path(data.image_dir or Path(data.csv).parent) if data.csv else None
    return root if root and names and (root / names[0]).is_file() else None


def file_facts(root: Path, names: Sequence[str], on_progress: Progress) -> Facts:
    """Inspect each file; pixels are decoded at low resolution to tell gray from colour."""
    sizes = np.zeros((len(names), 2), np.int64)
    colours, formats = [], []
    with no_warnings():
        for row, name in enumerate(names):
            width, height, colour, format = _inspect(root / name)
            sizes[row] = width, height
            colours.append(colour)
            formats.append(format)
            if row % 256 == 255 or row + 1 == len(names):
                on_progress(row + 1, len(names))
    return Facts(sizes, tuple(colours), tuple(formats))


def stray_files(root: Path) -> dict[str, str]:
    """Find the files below a folder that are not used as images, each with the reason."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(files):
            below = (Path(folder) / name).relative_to(root).as_posix()
            if is_hidden(name):
                found[below] = "is hidden"
            elif not is_image(name):
                found[below] = (
                    f"ends in {suffix!r}" if (suffix := Path(name).suffix) else "has no suffix"
                )
    return found


def empty_folders(root: Path) -> list[str]:
    """Find the folders that contain no image at any depth; of nested ones, the topmost."""
    empty: dict[str, bool] = {}
    for folder, folders, files in os.walk(root, topdown=False):
        inner = [f"{folder}/{name}" for name in folders if not is_hidden(name)]
        # A linked folder is not visited, and not reported as empty.
        empty[folder] = not any(map(is_image, files)) and all(
            empty.get(path, False) for path in inner
        )
    tops = [path for path in empty if empty[path] and not empty.get(str(Path(path).parent))]
    below = sorted(Path(path).relative_to(root).as_posix() for path in tops)
    return [path for path in below if not any(map(is_hidden, path.split("/")))]


def _inspect(path: Path) -> tuple[int, int, str, str]:
    """Return the width, height, colour and format of an image file."""
    try:
        content = read_file(path)
        return _jpeg_facts(content) or _facts(content)
    except Exception:  # a parser of untrusted bytes may raise anything
        return 0, 0, "", ""


def _jpeg_facts(content: bytes) -> tuple[int, int, str, str] | None:
    """Inspect a usual JPEG, much faster than Pillow."""
    header = jpeg.read_header(content) if content.startswith(jpeg.START) else None
    if header is None or not header.is_usual:
        return None
    if header.colors == "Gray":
        return header.width, header.height, GRAY, "JPEG"
    pixels = jpeg.decode(content, header, Fit((_LOOK_AT, _LOOK_AT, 3)), turned=False)
    if pixels is None:
        return None
    colour = GRAY_AS_COLOUR if looks_gray(pixels) else COLOUR
    return header.width, header.height, colour, "JPEG"


def _facts(content: bytes) -> tuple[int, int, str, str]:
    with open_image(content) as image:
        return *image.size, _colour_of(image), image.format or ""


def _colour_of(image: Image.Image) -> str:
    if image.mode in ("1", "L") or image.mode.startswith("I;16"):
        return GRAY
    if image.has_transparency_data:
        return TRANSPARENT
    small = image.convert("RGB").resize((_LOOK_AT, _LOOK_AT), Image.Resampling.BOX)
    return GRAY_AS_COLOUR if looks_gray(np.asarray(small)) else COLOUR
