"""Run → metrics: the best model of a run on one of its splits."""

from __future__ import annotations

import json
from typing import Any

from cnnzoo.datasets.dataset import SPLITS, Dataset
from cnnzoo.errors import DataError, RunError, did_you_mean
from cnnzoo.evaluation.classes import labels_by_name
from cnnzoo.evaluation.classifier import open_classifier, predict_probabilities
from cnnzoo.runs import Run, write_text
from cnnzoo.training.progress import Display, load_shown


def evaluate(
    run: Run, split: str = "test", *, device: str = "auto", display: Display | None = None
) -> dict[str, Any]:
    """Measure the best model of a run on a split, and write what came out into the run.

    Returns what `metrics.json` holds: `split`, `examples`, `metrics`, `per_class`, `confusion`
    (rows are the truth, columns the predictions).

    Raises:
        RunError: the run has no model, or a damaged one.
        DataError: the split is empty, the data are no longer those of the training, or have a
            class that the model does not know.

    """
    if split not in SPLITS:
        raise DataError(f"there is no split {split!r}{did_you_mean(split, SPLITS)}")
    classifier = open_classifier(run, device=device)
    dataset = _dataset_of(run, display or Display())
    examples = dataset.splits[split]
    if not len(examples):
        raise DataError(f"the {split} split of {run} is empty", hint="see data.splits")
    from cnnzoo.evaluation.metrics import measure_predictions

    known = classifier.class_names
    labels = labels_by_name(examples.labels, dataset.class_names, known, dataset.name)
    probabilities = predict_probabilities(classifier.model, examples.images)
    measured = {"split": split, **measure_predictions(probabilities, labels, known)}
    write_text(run.metrics_path(split), json.dumps(measured, indent=2, ensure_ascii=False) + "\n")
    return measured


def _dataset_of(run: Run, display: Display) -> Dataset:
    """The data that a run was trained on; refuses others in their place."""
    config, record = run.config(), run.record()
    if config.data is None:
        raise RunError(f"{run} names no data")
    dataset = load_shown(config.data, config.model.input_shape, display)
    expected = record.get("data", {}).get("fingerprint")
    if dataset.fingerprint != expected:
        raise DataError(
            f"{dataset.name} is no longer what {run} was trained on: its fingerprint was "
            f"{expected} and is {dataset.fingerprint}",
            hint="splits could overlap; put back what was changed (for a sample, the package "
            "versions in run.json), or train again",
        )
    return dataset
