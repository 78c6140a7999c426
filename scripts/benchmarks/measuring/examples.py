"""The same data for all programs: one .npz of arrays, or one folder with `train/` and `test/`."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path
from typing import Any

import numpy as np

Shape = tuple[int, int, int]

_HELD_OUT = 0.2  # of a folder without a test part


class MissingError(Exception):
    """Missing data; the message has the expected location."""


def root() -> Path:
    """Return the folder of the real data."""
    named = os.environ.get("CNNZOO_TEST_DATA")
    if not named:
        raise MissingError("CNNZOO_TEST_DATA is not set")
    return Path(named)


def idx_arrays(name: str, target: Path, limit: int | None = None) -> Path:
    """Write an .npz of the four files of MNIST or a similar data set; the first `limit` images.

    The test set is limited to a sixth of `limit`.
    """
    folder = root() / name
    if not folder.is_dir():
        raise MissingError(f"CNNZOO_TEST_DATA has no {name}/")
    path = target / f"{name}.npz"
    arrays: dict[str, Any] = {}
    for part, prefix, share in (("train", "train", 1), ("test", "t10k", 6)):
        count = limit and max(limit // share, 1)
        images = _idx(folder / f"{prefix}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)
        arrays[f"x_{part}"] = images[:count]
        arrays[f"y_{part}"] = _idx(folder / f"{prefix}-labels-idx1-ubyte.gz", 8)[:count]
    np.savez(path, **arrays)
    return path


def image_folder(name: str, target: Path, limit: int | None = None) -> Path:
    """Make a folder of links to images, `train/CLASS/` and `test/CLASS/`, with `limit` to train on.

    Without a test part, a fifth is the test set, always the same.
    """
    source = root() / name
    if not source.is_dir():
        raise MissingError(f"CNNZOO_TEST_DATA has no {name}/")
    train = source / "train" if (source / "train").is_dir() else source
    parts = (source / part for part in ("test", "validation"))
    test = next((part for part in parts if part.is_dir()), None)
    folder = target / name
    names = sorted(path.name for path in train.iterdir() if path.is_dir())
    for class_name in names:
        files = _files(train / class_name)
        held_out = 0 if test else round(len(files) * _HELD_OUT)
        tests = _files(test / class_name) if test else files[:held_out]
        for part, chosen in (("train", files[held_out:]), ("test", tests)):
            count = limit and max(limit // len(names) // (1 if part == "train" else 4), 1)
            links = folder / part / class_name
            links.mkdir(parents=True)
            for file in chosen[:count]:
                (links / file.name).symlink_to(file)
    return folder


def source(path: Path) -> dict[str, Any]:
    """Return the `data` section of a configuration for an .npz or a folder of links."""
    if path.suffix == ".npz":
        return {"arrays": str(path)}
    return {"folder": str(path), "follow_links": True}


def folder_arrays(name: str, shape: Shape, target: Path, limit: int | None = None) -> Path:
    """Write the images of a folder as an .npz, decoded by cnnzoo without TensorFlow."""
    import cnnzoo

    folder = image_folder(name, target, limit)
    splits = {"validation": 0.0, "test": "test"}
    data = cnnzoo.DataConfig(**source(folder), splits=splits)
    dataset = cnnzoo.load_dataset(data, image_shape=shape)
    arrays: dict[str, Any] = {}
    for part in ("train", "test"):
        examples = dataset.splits[part]
        arrays[f"x_{part}"] = examples.images[: len(examples)]
        arrays[f"y_{part}"] = examples.labels
    path = target / f"{name}.npz"
    np.savez(path, **arrays)
    return path


def random_arrays(name: str, shape: Shape, classes: int, count: int, target: Path) -> Path:
    """Write an .npz of random images and labels, without a test set, to measure speed only."""
    rng = np.random.default_rng(0)
    path = target / f"{name}.npz"
    images = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
    np.savez(path, x_train=images, y_train=np.arange(count, dtype=np.int32) % classes)
    return path


def _idx(path: Path, header: int) -> Any:
    try:
        with gzip.open(path) as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)
    except FileNotFoundError as error:
        raise MissingError(f"CNNZOO_TEST_DATA has no {path.name}") from error


def _files(folder: Path) -> list[Path]:
    """Return the images of a class in an order that does not depend on their content."""
    files = sorted(folder.resolve().iterdir())
    random.Random(0).shuffle(files)
    return files
