"""Measure a run or a model on one split of some data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.dataset import SPLITS, Dataset, Examples
from cnnzoo.errors import DataError, RunError, did_you_mean
from cnnzoo.evaluation.assumptions import order_note
from cnnzoo.evaluation.calibration import temperature_report
from cnnzoo.evaluation.classes import labels_by_name
from cnnzoo.evaluation.classifier import (
    Classifier,
    open_classifier,
    predict_probabilities,
    run_or_file,
)
from cnnzoo.evaluation.overlap import count_in_training
from cnnzoo.evaluation.predictions import (
    KEPT,
    MAX_COLUMNS,
    Predictions,
    write_parquet,
    write_predictions,
)
from cnnzoo.evaluation.sources import ALL, Chosen, choose_data
from cnnzoo.evaluation.thresholds import binary_report, no_threshold, tuned_threshold
from cnnzoo.models.saved import Trust
from cnnzoo.runs.files import write_text
from cnnzoo.runs.run import RECORD, Run
from cnnzoo.runs.trained import is_trained, title
from cnnzoo.training.progress import Display

VALIDATION = "validation"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The measured values and predictions, and the files written, `metrics.json` first."""

    measured: dict[str, Any]
    predictions: Predictions
    files: tuple[Path, ...] = ()


def evaluate(
    run: Run | Path | str,
    split: str | None = None,
    *,
    data: str | Sequence[str] = (),
    calibrate: bool = False,
    flip: bool = False,
    output: Path | str | None = None,
    device: str = "auto",
    trust: Trust | None = None,
    display: Display | None = None,
) -> dict[str, Any]:
    """Measure the best model of a run, or a `.keras` file, and write the results.

    `split` is `train`, `validation`, `test` or `all`; by default the test split. `data` names other
    data, as `--data` on the command line: `"mnist5k"`, or `["folder=photos"]`; without a test
    split of their own, all of them are measured. `calibrate` fits a temperature on the
    validation split and reports its effect. `flip` averages the probabilities of each image with
    those of its mirror image. See `measure` for the files.

    Returns the content of `metrics.json`: `split`, `examples`, `metrics`, `per_class`, `confusion`
    (rows are the truth, columns the predictions), `calibration`; of two classes `binary`, with the
    threshold that was tuned on the validation split.

    Raises:
        RunError: the run or model is missing or damaged, or does not give probabilities.
        DataError: the split is empty, the data of the run have changed since the training, or
            the data have a class that the model does not know.

    """
    return measure(
        run,
        split,
        data=data,
        calibrate=calibrate,
        flip=flip,
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
    flip: bool = False,
    output: Path | str | None = None,
    parquet: bool = False,
    device: str = "auto",
    trust: Trust | None = None,
    display: Display | None = None,
) -> Evaluation:
    """Do the same as `evaluate`, and return the predictions and the files too.

    `metrics.json` and `predictions.csv` are written into the directory `output`, or else into the
    run under the name of the split, of other data and of `flip`. Results of a model file and of a
    trained network of cnnzoo need `output`.

    The display gets notes: assumptions about a model that cnnzoo did not write, examples that the
    run was trained on, and shortened files.
    """
    if split not in (None, ALL, *SPLITS):
        raise DataError(f"unknown split {split!r}{did_you_mean(split, (*SPLITS, ALL))}")
    folder = None if output is None else _no_run(Path(output))
    opened = run if isinstance(run, Run) else run_or_file(Path(run))
    trained = opened if isinstance(opened, Run) else None
    classifier = open_classifier(opened, device=device, trust=trust)
    words = [data] if isinstance(data, str) else data
    display = display or Display()
    chosen = choose_data(trained, classifier, words, display)
    split = split or chosen.split
    for note in _notes(classifier, chosen):
        display.note(note)
    from cnnzoo.evaluation.metrics import measure_predictions

    predictions = predict_split(classifier, chosen.dataset, split, flip=flip)
    names = classifier.class_names
    measured = {
        "split": split,
        "data": {"name": chosen.dataset.name, "fingerprint": chosen.dataset.fingerprint},
        **measure_predictions(predictions.probabilities, predictions.labels, names),
    }
    if flip:
        measured["flip"] = True
    if trained and (not chosen.own or split in (ALL, "train")):
        measured["data"] |= _overlap(trained, classifier, chosen, split, display)
    if len(names) == 2:
        threshold = _threshold(trained, classifier, chosen, flip)
        measured["binary"] = binary_report(predictions, threshold)
        if trained and chosen.own and not flip and folder is None and not is_trained(trained):
            trained.update(threshold=threshold)
    if calibrate:
        held_out = predict_split(classifier, chosen.dataset, VALIDATION, flip=flip)
        measured["temperature"] = temperature_report(held_out, predictions)
    paths = _paths(trained, folder, chosen, f"{split}-flipped" if flip else split)
    files = _write(measured, predictions, paths, parquet)
    if files and len(names) > MAX_COLUMNS:
        display.note(
            f"{len(names):,} classes: {files[0].name} holds the confusion matrix by its cells that "
            f"are not 0, {files[1].name} the {KEPT} most probable classes of each example"
        )
    return Evaluation(measured, predictions, files)


def _notes(classifier: Classifier, chosen: Chosen) -> Iterator[str]:
    """Yield the assumptions about a model that cnnzoo did not write."""
    yield from classifier.notes
    if not classifier.named and (note := order_note(chosen.dataset.class_names)):
        yield note


def _overlap(
    trained: Run, classifier: Classifier, chosen: Chosen, split: str, display: Display
) -> dict[str, Any]:
    """Count the measured examples that the run was trained on, and note it."""
    if is_trained(trained) and not chosen.own:
        display.note(
            f"not checked whether {title(trained)} was trained on these examples: it comes without "
            "its data"
        )
        return {}
    try:
        own = chosen if chosen.own else choose_data(trained, classifier, (), Display())
    except DataError as error:
        reason = error.mistakes[0].message
        display.note(f"not checked whether {trained} was trained on these examples: {reason}")
        return {}
    examples = _filled(chosen.dataset, split)
    count = count_in_training(examples, own.dataset.splits["train"])
    if count:
        total = sum(map(len, examples))
        display.note(
            f"{trained} was trained on {count:,} of these {total:,} examples, so the metrics are "
            "too good; measure on examples that it was not trained on"
        )
    return {"in_training": count}


def predict_split(
    classifier: Classifier, dataset: Dataset, split: str, *, flip: bool = False
) -> Predictions:
    """Return the predictions for a split, or for `all` of them, with the classes of the model.

    With `flip` they are the means of each image and its mirror image.

    Raises DataError if the split is empty, or has a class that the model does not know.
    """
    filled = _filled(dataset, split)
    names = classifier.class_names
    labels = np.concatenate([examples.labels for examples in filled])
    return Predictions(
        tuple(name for examples in filled for name in examples.names),
        labels_by_name(labels, dataset.class_names, names, dataset.name),
        np.concatenate([_probabilities(classifier, examples, flip) for examples in filled]),
        names,
    )


def _probabilities(classifier: Classifier, examples: Examples, flip: bool) -> NDArray[np.float32]:
    seen = predict_probabilities(classifier.model, examples.images)
    if not flip:
        return seen
    mirrored = predict_probabilities(classifier.model, examples.images, mirror=True)
    return (seen + mirrored) / np.float32(2)


def _filled(dataset: Dataset, split: str) -> list[Examples]:
    """Return the examples of a split, or of every split; raise DataError if there are none."""
    chosen = [dataset.splits[each] for each in (SPLITS if split == ALL else (split,))]
    filled = [examples for examples in chosen if len(examples)]
    if not filled:
        raise DataError(f"the {split} split of {dataset.name} is empty", hint="see data.splits")
    return filled


def _threshold(
    trained: Run | None, classifier: Classifier, chosen: Chosen, flip: bool
) -> dict[str, Any]:
    """Return the threshold tuned on the validation split; on other data, that of the run."""
    if trained and not chosen.own:
        stored = trained.record().get("threshold")
        return stored or no_threshold("none was tuned: evaluate the run on its own data first")
    if not len(chosen.dataset.splits[VALIDATION]):
        return no_threshold("the validation split is empty")
    return tuned_threshold(predict_split(classifier, chosen.dataset, VALIDATION, flip=flip))


def _no_run(folder: Path) -> Path:
    if (folder / RECORD).exists():
        raise RunError(
            f"{folder} is a run, whose own metrics would be overwritten",
            hint="name another directory with --output",
        )
    return folder


def _paths(
    trained: Run | None, folder: Path | None, chosen: Chosen, split: str
) -> tuple[Path, Path] | None:
    """Return the paths of the metrics and of the predictions."""
    if folder is not None:
        return folder / "metrics.json", folder / "predictions.csv"
    if trained is None or is_trained(trained):
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
        write_predictions(predictions_path, predictions)
        if parquet:
            files.append(predictions_path.with_suffix(".parquet"))
            write_parquet(files[-1], predictions)
        # Last: a run with its metrics is measured completely.
        write_text(metrics_path, json.dumps(measured, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise RunError(
            f"{metrics_path.parent} cannot be written: {error.strerror}",
            hint="name another directory with --output",
        ) from error
    return tuple(files)
