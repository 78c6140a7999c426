"""A cross-validation whose folds were not trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnnzoo.config.loader import load_raw, make_config
from cnnzoo.config.located import Map
from cnnzoo.config.writer import to_yaml
from cnnzoo.evaluation.metrics import measure_predictions
from cnnzoo.evaluation.predictions import Predictions, write_predictions
from cnnzoo.studies.crossval_directory import CrossvalDirectory
from cnnzoo.studies.crossval_predictions import out_of_fold
from cnnzoo.studies.crossval_results import CrossvalRecord, FoldResult, summarize, write_record
from cnnzoo.studies.outcomes import DIVERGED, FINISHED, RUNNING

TEXT = """
name: quick
model:
  input_shape: [8, 8, 1]
  layers: [Rescaling: 1/255, Flatten, Dense: {units: $classes, activation: softmax}]
data: {name: digits, limit: 12, classes: ['0', '1']}
training:
  epochs: 2
  optimizer: SGD
"""
CLASSES = ("0", "1")


def raw_crossval(folder: Path, *overrides: str) -> Map:
    """The values of the configuration, with overrides."""
    path = folder / "quick.yaml"
    path.write_text(TEXT)
    return load_raw(path, overrides)


def write_crossval(
    folder: Path, *, folds: int = 3, repeats: int = 1, failed: bool = False, problem: str = ""
) -> CrossvalDirectory:
    """A cross-validation of 60 examples with histories and predictions; its last fold may fail."""
    rng = np.random.default_rng(0)
    directory = CrossvalDirectory(folder / "crossval/quick")
    directory.path.mkdir(parents=True)
    config = make_config(raw_crossval(folder))
    directory.config_path.write_text(to_yaml(config.plain()))
    results = []
    for number in range(1, folds * repeats + 1):
        repeat, fold = divmod(number - 1, folds)
        result = FoldResult(number=number, repeat=repeat + 1, fold=fold + 1, outcome=RUNNING)
        if failed and number == folds * repeats:
            ended = {"outcome": DIVERGED, "problem": problem or "the loss became NaN"}
            results.append(result.model_copy(update=ended))
            continue
        run = directory.run(number)
        run.path.mkdir()
        rows = [{"epoch": epoch, "loss": 1 / epoch, "val_accuracy": epoch / 3} for epoch in (1, 2)]
        run.write_history(rows)
        held_out = np.arange(60)[(np.arange(60) // 2 + repeat) % folds == fold]
        labels = (held_out % 2).astype(np.int32)
        right = np.where(rng.random(len(labels)) < 0.8, labels, 1 - labels)
        sure = rng.uniform(0.5, 1, len(labels)).astype(np.float32)
        probabilities = np.where(np.arange(2) == right[:, None], sure[:, None], 1 - sure[:, None])
        names = tuple(f"cat/{index}.png" for index in held_out)
        found = Predictions(names, labels, probabilities.astype(np.float32), CLASSES)
        write_predictions(run.predictions_path("test"), found)
        measured = measure_predictions(found.probabilities, labels, CLASSES)["metrics"]
        results.append(
            result.model_copy(
                update={
                    "outcome": FINISHED,
                    "examples": {"train": 60 - len(labels), "validation": 0, "test": len(labels)},
                    "epochs": 2,
                    "best_epoch": 2,
                    "seconds": 1.5,
                    "metrics": {name: metric["value"] for name, metric in measured.items()},
                }
            )
        )
    record = CrossvalRecord(
        folds=folds,
        repeats=repeats,
        fingerprint="0",
        class_names=list(CLASSES),
        notes=["folds: all 60 images"],
        results=results,
    )
    if not failed:
        write_predictions(directory.predictions_path, out_of_fold(directory, record))
        record = record.model_copy(update={"metrics": summarize(results)})
    write_record(directory, record)
    return directory
