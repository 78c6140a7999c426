"""Fuzz the readers of run directories with mutated records, histories and predictions."""

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

import cnnzoo
from cnnzoo.errors import CnnzooError
from cnnzoo.evaluation.predictions import read_predictions
from cnnzoo.runs.listing import list_runs
from cnnzoo.runs.run import latest_run, run_to_resume

MAX_SECONDS = 20.0
MAX_BYTES = 2_000_000_000  # more than before the input

FILES = ("run.json", "metrics.json", "history.csv", "predictions.csv", "config.yaml")
CONFIG = """
name: tiny
model: {input_shape: [8, 8, 1], layers: [Flatten, Dense: {units: $classes, activation: softmax}]}
data: digits
training: {epochs: 1, batch_size: 256}
"""


@cache
def seed() -> dict[str, bytes]:
    """Return the files of a finished run."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CNNZOO_CACHE"] = str(Path(folder, "cache"))
        path = Path(folder, "tiny.yaml")
        path.write_text(CONFIG)
        run = cnnzoo.train(cnnzoo.load_config(path), runs_dir=Path(folder, "runs"))
        cnnzoo.evaluate(run)
        return {name: (run.path / name).read_bytes() for name in FILES}


def mutant(dice: random.Random) -> Mutant:
    """Return an archive of the files of a run, one or two of them mutated."""
    files = dict(seed())
    for _ in range(dice.choice((1, 1, 2))):
        name = dice.choice(FILES)
        files[name] = mutate_file(name, files[name], dice)
    return Mutant(archived(files), "mutant.zip")


def try_one(path: Path, words: list[str], dice: random.Random) -> str:
    """Read a run in all ways; return `valid` or the name of an error."""
    root = path.parent / "runs"
    folder = root / "tiny" / "1"
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        (status,) = list_runs(root)
        run = status.run
        outcome = "valid"
        for read in (
            run.record,
            run.history,
            run.metrics,
            run.config,
            lambda: latest_run(root),
            lambda: run_to_resume(root),
            lambda: run_to_resume(root, finished=True),
            lambda: read_predictions(run.predictions_path("test")),
        ):
            try:
                read()
            except CnnzooError as error:
                str(error).encode("utf-8", "surrogateescape")
                outcome = type(error).__name__
        return outcome
    finally:
        shutil.rmtree(root)
