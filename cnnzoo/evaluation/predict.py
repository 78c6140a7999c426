"""Predict the classes of files, one batch at a time, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from cnnzoo.datasets.contrast import look_inverted
from cnnzoo.datasets.images.decode import UnreadableError, decode_file
from cnnzoo.evaluation.classifier import (
    Classifier,
    batch_size,
    open_classifier,
    predict_probabilities,
)
from cnnzoo.evaluation.paths import Found, find_files
from cnnzoo.runs.run import Run


@dataclass(frozen=True, slots=True)
class Prediction:
    """The probability of each class for a file, by name and in the order of the model.

    An unreadable file has no probabilities; `error` is the reason. `inverted` is true if the image
    looks like the negative of a training image.
    """

    path: str
    probabilities: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    inverted: bool = False

    def top(self, count: int) -> list[tuple[str, float]]:
        """Return the most probable classes with their probabilities, at most `count`."""
        return sorted(self.probabilities.items(), key=lambda item: -item[1])[:count]


def predict(
    run: Run | Path | str,
    paths: Iterable[str | os.PathLike[str]],
    *,
    device: str = "auto",
    invert: bool = False,
) -> Iterator[Prediction]:
    """Predict the classes of image files by the best model of a run, or by a `.keras` file.

    `paths` are files, folders (all images below them) and patterns. Images are decoded
    and resized like those that the model was trained on; with `invert`, their negatives are used.

    Raises:
        DataError: the paths name no file.
        RunError: the run or model is missing, or does not classify images.

    """
    found = find_files(paths)
    return predict_files(open_classifier(run, device=device), found, invert=invert)


def predict_files(
    classifier: Classifier, files: Iterator[Found], *, invert: bool = False
) -> Iterator[Prediction]:
    """Yield the predictions for these files, in their order; with `invert`, for their negatives."""
    size = batch_size(classifier.fit.shape, classifier.model)
    while batch := list(islice(files, size)):
        yield from _predict_batch(classifier, batch, invert)


def _predict_batch(
    classifier: Classifier, files: list[Found], invert: bool
) -> Iterator[Prediction]:
    images = np.empty((len(files), *classifier.fit.shape), np.uint8)
    problems: dict[int, str] = {}
    for row, (path, problem) in enumerate(files):
        try:
            if problem:
                raise UnreadableError(problem)
            images[row] = decode_file(path, classifier.fit)
        except UnreadableError as error:
            problems[row] = str(error)
    readable = [row for row in range(len(files)) if row not in problems]
    images = 255 - images[readable] if invert else images[readable]
    inverted = np.zeros(len(images), bool)
    if readable and classifier.contrast:
        inverted = look_inverted(images, classifier.contrast)
    looks = iter(inverted.tolist())
    rows = iter(predict_probabilities(classifier.model, images).tolist() if readable else ())
    for row, (path, _) in enumerate(files):
        if row in problems:
            yield Prediction(path, error=problems[row])
        else:
            probabilities = dict(zip(classifier.class_names, next(rows), strict=True))
            yield Prediction(path, probabilities, inverted=next(looks))
