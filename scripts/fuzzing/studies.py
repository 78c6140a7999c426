"""Fuzz the readers of cross-validations with mutated results, configurations and predictions."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from mutant import Mutant, archived
from trees import mutate_file

from cnnzoo.config.loader import load_raw
from cnnzoo.errors import CnnzooError
from cnnzoo.reporting.crossval.data import collect_crossval
from cnnzoo.reporting.crossval.page import crossval_page
from cnnzoo.studies.crossval import run_crossval, start_crossval
from cnnzoo.studies.crossval_directory import CrossvalDirectory
from cnnzoo.terminal.crossval_table import crossval_tables

MAX_SECONDS = 20.0
MAX_BYTES = 2_000_000_000  # more than before the input

FILES = ("crossval.json", "crossval.yaml", "predictions.csv", "1/history.csv")
CONFIG = """
name: tiny
model: {input_shape: [8, 8, 1], layers: [Flatten, Dense: {units: $classes, activation: softmax}]}
data: {name: digits, limit: 12}
training: {epochs: 1, batch_size: 256}
"""


@cache
def seed() -> dict[str, bytes]:
    """Return the files of a finished cross-validation."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CNNZOO_CACHE"] = str(Path(folder, "cache"))
        path = Path(folder, "tiny.yaml")
        path.write_text(CONFIG)
        directory = start_crossval(load_raw(path), Path(folder, "crossval"), folds=2)
        run_crossval(directory)
        return {name: (directory.path / name).read_bytes() for name in FILES}


def mutant(dice: random.Random) -> Mutant:
    """Return an archive of the files of a cross-validation, one of them mutated."""
    files = dict(seed())
    name = dice.choice((FILES[0], *FILES))
    files[name] = mutate_file(name, files[name], dice)
    return Mutant(archived(files), "mutant.zip")


def try_one(path: Path, words: list[str], dice: random.Random) -> str:
    """Read a cross-validation and make its page; return `valid` or the name of an error."""
    folder = path.parent / "crossval"
    try:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        data = collect_crossval(CrossvalDirectory(folder))
        crossval_tables(data.record)
        crossval_page(data)
    except CnnzooError as error:
        str(error).encode("utf-8", "surrogateescape")
        return type(error).__name__
    finally:
        shutil.rmtree(folder)
    return "valid"
