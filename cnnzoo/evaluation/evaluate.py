"""Run or model → metrics: what the best model is worth on one split of some data."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo.datasets.dataset import SPLITS, Dataset
from cnnzoo.errors import DataError, RunError, did_you_mean
from cnnzoo.evaluation.calibration import temperature_report
from cnnzoo.evaluation.classes import labels_by_name
from cnnzoo.evaluation.classifier import (
    Classifier,
    open_classifier,
    predict_probabilities,
    run_or_file,
)
from cnnzoo.evaluation.predictions import Predictions, write_parquet, write_predictions
from cnnzoo.evaluation.sources import ALL, Chosen, choose_data
from cnnzoo.evaluation.thresholds import binary_report, no_threshold, tuned_threshold
from cnnzoo.models.saved import Trust
from cnnzoo.runs.files import write_text
from cnnzoo.runs.run import RECORD, Run
from cnnzoo.training.progress import Display

VALIDATION = "validation"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured, and the files that it was written to, `metrics.json` first."""

    measured: dict[str, Any]
    predictions: Predictions
    files: tuple[Path, ...] = ()


def evaluate(
    run: Run | Path | str,
    split: str | None = None,
    *,
    data: str | Sequence[str] = (),
    calibrate: bool = False,
    output: Path | str | None = None,
    device: str = "auto",
    trust: Trust | None = None,
    display: Display | None = None,
) -> dict[str, Any]:
    """Measure the best model of a run, or a `.keras` file, and write what came out.

    `split` is `train`, `validation`, `test` or `all`; by default the test split. `data` names other
    data, as `--data` does on the command line: `"mnist5k"`, or `["folder=photos"]`; where these
    have no test part of their own, all of them are measured. `calibrate` fits a temperature on the
    validation split and reports what it changes. See `measure` for where it is written.

    Returns what `metrics.json` holds: `split`, `examples`, `metrics`, `per_class`, `confusion`
    (rows are the truth, columns the predictions), `calibration`; of two classes `binary`, with the
    threshold that was tuned on the validation split.

    Raises:
        RunError: there is no such run or model, a damaged one, or it gives no probabilities.
        DataError: the split is empty, the run's data are no longer those of the training, or the
            data have a class that the model does not know.

    """
    return measure(
        run,
        split,
        data=data,
        calibrate=calibrate,
        output=output,
        device=device,
        trust=trust,
        display=display,
    ).measured


def measure(
    run: Run | Path | str,
    split: str | None = None,
    *,
    data: str | Sequence[str] = (),
    calibrate: bool = False,
    output: Path | str | None = None,
    parquet: bool = False,
    device: str = "auto",
    trust: Trust | None = None,
    display: Display | None = None,
) -> Evaluation:
    """Do what `evaluate` does; the predictions and the files too.

    `metrics.json` and `predictions.csv` are written into the directory `output`; without one into
    the run, under the name of the split and of data that are not its own; of a model alone nowhere.
    """
    if split not in (None, ALL, *SPLITS):
        raise DataError(f"there is no split {split!r}{did_you_mean(split, (*SPLITS, ALL))}")
    folder = None if output is None else _no_run(Path(output))
    opened = run if isinstance(run, Run) else run_or_file(Path(run))
    trained = opened if isinstance(opened, Run) else None
    classifier = open_classifier(opened, device=device, trust=trust)
    words = [data] if isinstance(data, str) else data
    chosen = choose_data(trained, classifier, words, display or Display())
    split = split or chosen.split
    from cnnzoo.evaluation.metrics import measure_predictions

    predictions = predict_split(classifier, chosen.dataset, split)
    names = classifier.class_names
    measured = {
        "split": split,
        "data": {"name": chosen.dataset.name, "fingerprint": chosen.dataset.fingerprint},
        **measure_predictions(predictions.probabilities, predictions.labels, names),
    }
    if len(names) == 2:
        threshold = _threshold(trained, classifier, chosen)
        measured["binary"] = binary_report(predictions, threshold)
        if trained and chosen.own and folder is None:
            trained.update(threshold=threshold)
    if calibrate:
        held_out = predict_split(classifier, chosen.dataset, VALIDATION)
        measured["temperature"] = temperature_report(held_out, predictions)
    paths = _paths(trained, folder, chosen, split)
    return Evaluation(measured, predictions, _write(measured, predictions, paths, parquet))


def predict_split(classifier: Classifier, dataset: Dataset, split: str) -> Predictions:
    """The predictions of a split, `all` for every one, its classes those of the model.

    Raises DataError where the split is empty, or has a class that the model does not know.
    """
    chosen = [dataset.splits[each] for each in (SPLITS if split == ALL else (split,))]
    filled = [examples for examples in chosen if len(examples)]
    if not filled:
        raise DataError(f"the {split} split of {dataset.name} is empty", hint="see data.splits")
    names = classifier.class_names
    labels = np.concatenate([examples.labels for examples in filled])
    return Predictions(
        tuple(name for examples in filled for name in examples.names),
        labels_by_name(labels, dataset.class_names, names, dataset.name),
        np.concatenate(
            [predict_probabilities(classifier.model, examples.images) for examples in filled]
        ),
        names,
    )


def _threshold(trained: Run | None, classifier: Classifier, chosen: Chosen) -> dict[str, Any]:
    """What is tuned on the validation split; a run on other data keeps what it was tuned to."""
    if trained and not chosen.own:
        stored = trained.record().get("threshold")
        return stored or no_threshold("none was tuned: evaluate the run on its own data first")
    if not len(chosen.dataset.splits[VALIDATION]):
        return no_threshold("the validation split is empty")
    return tuned_threshold(predict_split(classifier, chosen.dataset, VALIDATION))


def _no_run(folder: Path) -> Path:
    if (folder / RECORD).exists():
        raise RunError(
            f"{folder} is a run, whose own figures would be lost",
            hint="name another directory with --output",
        )
    return folder


def _paths(
    trained: Run | None, folder: Path | None, chosen: Chosen, split: str
) -> tuple[Path, Path] | None:
    """Where the figures and the predictions go."""
    if folder is not None:
        return folder / "metrics.json", folder / "predictions.csv"
    if trained is None:
        return None
    name = re.sub(r"[^\w.-]+", "-", chosen.dataset.name).strip("-.") or "data"
    label = split if chosen.own else f"{name}-{split}"
    return trained.metrics_path(label), trained.predictions_path(label)


def _write(
    measured: dict[str, Any],
    predictions: Predictions,
    paths: tuple[Path, Path] | None,
    parquet: bool,
) -> tuple[Path, ...]:
    if paths is None:
        return ()
    metrics_path, predictions_path = paths
    files = [metrics_path, predictions_path]
    try:
        metrics_path.parent.mkdir(parents=True, exist_ok=True)
        write_text(metrics_path, json.dumps(measured, indent=2, ensure_ascii=False) + "\n")
        write_predictions(predictions_path, predictions)
        if parquet:
            files.append(predictions_path.with_suffix(".parquet"))
            write_parquet(files[-1], predictions)
    except OSError as error:
        raise RunError(
            f"{metrics_path.parent} cannot be written: {error.strerror}",
            hint="name another directory with --output",
        ) from error
    return tuple(files)
