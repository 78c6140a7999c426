"""Compare the labels of data with predictions for the same pictures: `data check --predictions`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from cnnzoo.datasets.check.diagnosis import Diagnosis, Finding, Offender
from cnnzoo.datasets.check.kinds import LABEL_ERROR
from cnnzoo.datasets.check.pictures import Pictures
from cnnzoo.errors import DataError, RunError
from cnnzoo.evaluation.label_errors import find_label_errors
from cnnzoo.evaluation.predictions import (
    KEPT,
    MAX_COLUMNS,
    Predictions,
    check_probabilities,
    read_predictions,
)
from cnnzoo.runs.schema import read_json
from cnnzoo.text import counted, listed, nfc

PREDICTIONS = "predictions.csv"
# More labels differ only if the predictions are of other pictures with the same names.
MOST_CHANGED = 0.2
# Data sets in use have a few per cent of wrong labels; more are probably errors of the network.
MUCH_NOISE = 0.2
_MAKE = "make them with cnnzoo crossval and the same data"

Note = Callable[[str], None]  # called with one line for the user


class _MeasuredData(BaseModel):
    model_config = ConfigDict(extra="ignore")

    in_training: int = 0


class _Measured(BaseModel):
    """The part of the metrics next to predictions that tells whether they are out of fold."""

    model_config = ConfigDict(extra="ignore")

    data: _MeasuredData = _MeasuredData()


def check_labels(diagnosis: Diagnosis, path: Path, on_note: Note) -> Diagnosis:
    """Return the diagnosis with the labels that predictions contradict, the most certain first.

    `path` is a file that `write_predictions` wrote, or a directory with `predictions.csv`.
    Predictions are assigned to pictures by name; several of one picture are averaged. The labels
    are those of the data. `on_note` gets one line about everything that does not fit.

    Raises DataError for predictions of other data, RunError for a missing or damaged file.
    """
    pictures = diagnosis.pictures
    if path.is_dir():
        path = path / PREDICTIONS
        if not path.exists():
            raise RunError(f"{path.parent} has no {PREDICTIONS}", hint=_MAKE)
    try:
        predictions = read_predictions(path, pictures.class_names)
    except RunError as error:
        raise RunError.of(replace(each, hint=_MAKE) for each in error.mistakes) from None
    if not len(predictions):
        raise RunError(f"{path} has no predictions", hint=_MAKE)
    if predictions.kept is None:
        check_probabilities(predictions.probabilities)
    else:
        on_note(
            f"{path} has the {KEPT} most probable of more than {MAX_COLUMNS} classes; the others "
            "count as probability 0"
        )
    _note_training(path, len(predictions), on_note)
    columns = _columns(predictions.class_names, diagnosis, path)
    indices, probabilities = _assigned(predictions, columns, diagnosis, path, on_note)
    labels = pictures.labels[indices]
    found = find_label_errors(labels, probabilities)
    if found.noise > MUCH_NOISE:
        agreed = np.mean(probabilities.argmax(axis=1) == labels)
        on_note(
            f"the predictions agree with {100 * agreed:.0f} % of the labels only; if most labels "
            "are right, the network is too weak to judge them, and needs a better training"
        )
    offenders = [
        _offender(pictures, index, suggested, row)
        for index, suggested, row in zip(
            indices[found.indices].tolist(),
            found.suggested.tolist(),
            probabilities[found.indices],
            strict=True,
        )
    ]
    if not offenders:
        return diagnosis
    message = (
        f"predictions contradict the label; they estimate that {100 * found.noise:.1f} % of "
        f"{counted(len(indices), 'label')} are wrong"
    )
    finding = Finding(LABEL_ERROR, len(offenders), message, tuple(offenders))
    return diagnosis.with_findings([finding])


def _offender(pictures: Pictures, index: int, suggested: int, row: NDArray[np.float32]) -> Offender:
    given, other = pictures.class_of(index), pictures.class_names[suggested]
    shares = f"{row[suggested]:.2f}, and {row[pictures.labels[index]]:.2f} for {given}"
    reason = f"labelled {given}, predicted {other} with probability {shares}"
    return Offender(pictures.names[index], reason, index, suggested=other)


def _note_training(path: Path, count: int, on_note: Note) -> None:
    """Note how many predictions are of training images, by the metrics next to the file."""
    metrics = path.with_name(f"{path.stem.replace('predictions', 'metrics', 1)}.json")
    if metrics == path or not metrics.is_file():
        return
    measured = _Measured.model_validate(read_json(metrics, _Measured))
    if in_training := measured.data.in_training:
        on_note(
            f"the network was trained on {in_training:,} of the {count:,} predicted images, and "
            f"repeats their wrong labels, so that few are found; predict out of fold: {_MAKE}"
        )


def _columns(known: Sequence[str], diagnosis: Diagnosis, path: Path) -> NDArray[np.intp]:
    """Return the class of the data for each class of the predictions, int [classes]."""
    own = [nfc(name) for name in diagnosis.pictures.class_names]
    theirs = [nfc(name) for name in known]
    if different := sorted({*own} ^ {*theirs}):
        raise DataError(
            f"{path} has predictions of other classes than {diagnosis.name}: only one of them has "
            f"{listed(different)}",
            hint=_MAKE,
        )
    return np.array([own.index(name) for name in theirs], np.intp)


def _assigned(
    predictions: Predictions,
    columns: NDArray[np.intp],
    diagnosis: Diagnosis,
    path: Path,
    on_note: Note,
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the indices of the predicted pictures, and float32 [n, classes] of the data."""
    pictures = diagnosis.pictures
    named: dict[str, list[int]] = {}  # a table may have one file in several rows
    for index, name in enumerate(pictures.names):
        named.setdefault(name, []).append(index)
    pairs = [
        (row, index, len(named[name]) == 1)
        for row, name in enumerate(predictions.names)
        for index in named.get(name, ())
    ]
    if not pairs:
        raise DataError(
            f"{path} has predictions of other images: {diagnosis.name} has none of its "
            f"{len(predictions):,} names, such as {predictions.names[0]!r}",
            hint=_MAKE,
        )
    rows, targets, only = np.array(pairs, np.intp).T
    if unknown := len(predictions) - len(np.unique(rows)):
        on_note(
            f"{unknown:,} of {len(predictions):,} predictions are of images that {diagnosis.name} "
            "does not have, and are not used"
        )
    same = columns[predictions.labels[rows]] == pictures.labels[targets]
    _check_changed(~same[only == 1], path, on_note)
    indices, places, counts = np.unique(targets, return_inverse=True, return_counts=True)
    if len(indices) < len(rows):
        on_note(f"several predictions of one image, at most {counts.max()}, are averaged")
    if unpredicted := len(pictures) - len(indices):
        on_note(
            f"{unpredicted:,} of {len(pictures):,} images have no prediction, so that their labels "
            "are not checked"
        )
    kept = np.arange(len(columns))[None] if predictions.kept is None else predictions.kept[rows]
    # The true class is a column of shortened rows, and may be another one too, of equal value.
    values = np.zeros((len(rows), len(columns)), np.float32)
    np.put_along_axis(values, columns[kept], predictions.probabilities[rows], axis=1)
    means = np.zeros((len(indices), len(columns)), np.float32)
    np.add.at(means, places, values)
    means /= counts[:, None]
    return indices, means


def _check_changed(changed: NDArray[np.bool_], path: Path, on_note: Note) -> None:
    count = int(changed.sum())
    if count > MOST_CHANGED * len(changed):
        raise DataError(
            f"{path} has other labels for {count:,} of {len(changed):,} images, so it is not of "
            "these data",
            hint=_MAKE,
        )
    if count:
        on_note(
            f"{counted(count, 'label')} changed since the predictions; those of the data are used"
        )
