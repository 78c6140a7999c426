"""Runs that nobody trained, with predictions that are made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnnzoo.config.loader import load_config
from cnnzoo.evaluation.predictions import Predictions, write_predictions
from cnnzoo.runs.run import FINISHED, Run, create_run

CLASSES = ("cat", "dog", "[b]owl|")
COUNT = 60


def labels_of(names):
    return np.array([int(name.partition(".")[0]) % len(CLASSES) for name in names], np.int32)


def make_run(
    tiny: Path, *words: str, wrong=(), names=None, class_names=CLASSES, seconds=60.0, **record
) -> Run:
    """A run whose test examples are `0.png`, `1.png`, …; it says the next class of the `wrong`."""
    config = load_config(tiny, words)
    run = create_run(tiny.parent / "runs", config)
    run.update(
        status=FINISHED,
        seed=config.seed,
        class_names=list(class_names),
        best_epoch=2,
        epochs=2,
        seconds=seconds,
        **record,
    )
    names = tuple(names or (f"{number}.png" for number in range(COUNT)))
    truths = labels_of(names)
    said = truths + [int(name.partition(".")[0]) in wrong for name in names]
    probabilities = np.full((len(names), len(CLASSES)), 0.1, np.float32)
    probabilities[np.arange(len(names)), said % len(CLASSES)] = 0.8
    order = [CLASSES.index(name) if name in CLASSES else at for at, name in enumerate(class_names)]
    labels = np.array([order.index(truth) for truth in truths], np.int32)
    write_predictions(
        run.predictions_path("test"),
        Predictions(names, labels, probabilities[:, order], tuple(class_names)),
    )
    return run
