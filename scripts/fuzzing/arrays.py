"""Fuzz the reader of array files with mutated `.npz` files."""

from __future__ import annotations

import io
import os
import random
import shutil
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
from mutant import Mutant, archived
from trees import SIZES, mutate_bytes

import cnnzoo
from cnnzoo.errors import DataError, UserError

MAX_SECONDS = 20.0
MAX_BYTES = 2_000_000_000  # more than before the input


@cache
def seeds() -> list[dict[str, bytes]]:
    """Return the members of a few small archives."""
    rng = np.random.default_rng(0)
    found = []
    for shape, dtype in (((30, 8, 8, 1), np.uint8), ((30, 8, 8), np.float32)):
        images = rng.integers(0, 256, shape).astype(dtype)
        arrays = {"x_train": images, "y_train": rng.integers(0, 3, 30)}
        found.append({f"{name}.npy": _npy(array) for name, array in arrays.items()})
    return found


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def mutant(dice: random.Random) -> Mutant:
    """Return a mutated archive."""
    members = dict(dice.choice(seeds()))
    name = dice.choice(list(members))
    kind = dice.random()
    if kind < 0.4:
        members[name] = mutate_bytes(members[name], dice)
    elif kind < 0.7:  # a header with other shapes or types
        header = {
            "descr": dice.choice(("<f4", "|u1", "|O", "<U1000000", ">i8", "<c16", "|V9")),
            "fortran_order": dice.random() < 0.5,
            "shape": tuple(int(min(max(s, -1), 10**9)) for s in dice.choices(SIZES[:8], k=4)),
        }
        file = io.BytesIO()
        np.lib.format.write_array_header_1_0(file, header)
        members[name] = file.getvalue() + members[name][128:]
    elif kind < 0.8:
        members[dice.choice((name, "../PWNED.npy", "more.npy"))] = b"\0" * 200_000_000
    file_bytes = archived(members, zipfile.ZIP_DEFLATED)
    return Mutant(mutate_bytes(file_bytes, dice) if kind > 0.8 else file_bytes, "mutant.npz")


def try_one(path: Path, words: list[str], dice: random.Random) -> str:
    """Read a data set; return `valid` or the name of the error."""
    os.chdir(path.parent)
    cache_folder = path.parent / "cache"
    os.environ["CNNZOO_CACHE"] = str(cache_folder)
    try:
        config = cnnzoo.DataConfig(arrays=str(path))
        dataset = cnnzoo.load_dataset(config, image_shape=(8, 8, 1))
        np.asarray(dataset.splits["train"].images[:2])
        return "valid"
    except UserError as error:
        str(error).encode("utf-8", "surrogateescape")
        return "DataError" if isinstance(error, DataError) else type(error).__name__
    finally:
        shutil.rmtree(cache_folder, ignore_errors=True)
        if others := {*path.parent.iterdir()} - {path}:
            raise AssertionError(f"left {others}")
