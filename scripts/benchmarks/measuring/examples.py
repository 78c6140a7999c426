"""The same data for all programs: one .npz of arrays, or one folder with `train/` and `test/`."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path
from typing import Any

import numpy as np

Shape = tuple[int, int, int]

_HELD_OUT = 0.2  # of a folder without a part to test on


class MissingError(Exception):
    """Data that are not there, and where they should be."""


def root() -> Path:
    """Where the real data are."""
    named = os.environ.get("CNNZOO_TEST_DATA")
    if not named:
        raise MissingError("CNNZOO_TEST_DATA is not set")
    return Path(named)


def idx_arrays(name: str, target: Path, limit: int | None = None) -> Path:
    """An .npz of MNIST's four files, or of those of a data set like it; the first `limit` images.

    The test set is limited to a sixth of that.
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
    """A folder of links to images, `train/CLASS/` and `test/CLASS/`; `limit` of all to train on.

    A fifth is the test set where the data set has none of its own, always the same.
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


def folder_arrays(name: str, shape: Shape, target: Path, limit: int | None = None) -> Path:
    """The images of a folder as an .npz, decoded by cnnzoo; needs no TensorFlow."""
    import cnnzoo

    folder = image_folder(name, target, limit)
    splits = {"validation": 0.0, "test": "test"}
    data = cnnzoo.DataConfig(folder=str(folder), splits=splits)
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
    """An .npz of random images and labels, without a test set: good for the speed alone."""
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
        raise MissingError(f"there is no {path.name} below CNNZOO_TEST_DATA") from error


def _files(folder: Path) -> list[Path]:
    """The images of a class, in an order that has nothing to do with what they show."""
    files = sorted(folder.resolve().iterdir())
    random.Random(0).shuffle(files)
    return files
