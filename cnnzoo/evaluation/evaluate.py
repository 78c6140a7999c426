"""Run → metrics: the best model of a run on one of its splits."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.dataset import SPLITS, Dataset, Images
from cnnzoo.datasets.load import load_dataset
from cnnzoo.errors import DataError, RunError, did_you_mean
from cnnzoo.models.backend import load_keras
from cnnzoo.models.saved import load_model
from cnnzoo.runs import Run, write_text

BATCH_SIZE = 256


def evaluate(run: Run, split: str = "test", *, device: str = "auto") -> dict[str, Any]:
    """Measure the best model of a run on a split, and write what came out into the run.

    Returns what `metrics.json` holds: `split`, `examples`, `metrics`, `per_class`, `confusion`
    (rows are the truth, columns the predictions).

    Raises:
        RunError: the run has no model, or a damaged one.
        DataError: the split is empty, or the data are no longer those of the training.

    """
    if split not in SPLITS:
        raise DataError(f"there is no split {split!r}{did_you_mean(split, SPLITS)}")
    load_keras(device)
    model = load_model(run.model_path)
    dataset = _dataset_of(run)
    examples = dataset.splits[split]
    if not len(examples):
        raise DataError(f"the {split} split of {run} is empty", hint="see data.splits")
    from cnnzoo.evaluation.metrics import measure_predictions

    probabilities = predict_probabilities(model, examples.images)
    measured = {
        "split": split,
        **measure_predictions(probabilities, examples.labels, dataset.class_names),
    }
    write_text(run.metrics_path(split), json.dumps(measured, indent=2, ensure_ascii=False) + "\n")
    return measured


def predict_probabilities(model: Any, images: Images) -> NDArray[np.float32]:
    """Class probabilities float32 [n, classes] for images uint8 [n, height, width, channels].

    A model with one sigmoid unit gives the probability of the second of two classes.
    """
    output: NDArray[np.float32] = np.asarray(model.predict(images, BATCH_SIZE, verbose=0))
    return np.hstack([1 - output, output]) if output.shape[1] == 1 else output


def _dataset_of(run: Run) -> Dataset:
    """The data that a run was trained on; refuses others in their place."""
    config, record = run.config(), run.record()
    if config.data is None:
        raise RunError(f"{run} names no data")
    dataset = load_dataset(config.data, image_shape=config.model.input_shape)
    expected = record.get("data", {}).get("fingerprint")
    if dataset.fingerprint != expected:
        raise DataError(
            f"{dataset.name} is no longer what {run} was trained on: its fingerprint was "
            f"{expected} and is {dataset.fingerprint}",
            hint="splits could overlap; install the package versions in run.json, or train again",
        )
    return dataset
