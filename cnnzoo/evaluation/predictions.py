"""What a model said of every example of a split, as a table that other programs read too."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnzoo.errors import RunError, UserError
from cnnzoo.runs.files import replacing

COLUMNS = ("path", "truth", "prediction", "probability")
PREFIX = "p_"  # of the columns that hold the probability of one class


@dataclass(frozen=True, slots=True)
class Predictions:
    """Names [n], labels int32 [n] and probabilities float32 [n, classes] of n examples."""

    names: tuple[str, ...]
    labels: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def predicted(self) -> NDArray[np.intp]:
        """The most probable class of each example, int [n]; of equal ones the first."""
        predicted: NDArray[np.intp] = self.probabilities.argmax(axis=1)
        return predicted


def check_probabilities(probabilities: NDArray[np.float32]) -> None:
    """Raise RunError where a row of [n, classes] is no probabilities: 0 or more, of the sum 1."""
    # Half-precision sums are exact to about a hundredth; logits are far from it.
    sums = probabilities.sum(axis=1)
    bad = ~((probabilities >= 0).all(axis=1) & (np.abs(sums - 1) <= 0.05))
    if bad.any():
        first = probabilities[bad.argmax(), :5].tolist()
        raise RunError(
            f"the model gives no class probabilities, but {first}",
            hint="they must be 0 or more and sum to 1: end the model with a softmax",
        )


def header(class_names: tuple[str, ...]) -> list[str]:
    """The names of the columns."""
    return [*COLUMNS, *(PREFIX + name for name in class_names)]


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write one row an example, atomically; the probabilities are read back to the last bit."""
    # A name that is no UTF-8 is written as it is on the disk, and so read again.
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(header(predictions.class_names))
        writer.writerows(_rows(predictions))


def write_parquet(path: Path, predictions: Predictions) -> None:
    """Write the same table as Parquet, atomically; raises UserError without pyarrow."""
    require_parquet()
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = np.array(predictions.class_names, object)
    predicted, probabilities = predictions.predicted, predictions.probabilities
    # Parquet holds UTF-8 only; a name that is none gets escapes.
    paths = [os.fsencode(name).decode("utf-8", "backslashreplace") for name in predictions.names]
    columns = [paths, names[predictions.labels], names[predicted], probabilities.max(axis=1)]
    table = dict(zip(header(predictions.class_names), [*columns, *probabilities.T], strict=True))
    with replacing(path) as temporary:
        pq.write_table(pa.table(table), temporary)


def require_parquet() -> None:
    """Raise UserError where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise UserError(
            "Parquet needs pyarrow",
            hint="install it: pip install pyarrow; or leave --format parquet away",
        )


def read_predictions(path: Path) -> Predictions:
    """The predictions in a file that `write_predictions` wrote.

    Raises RunError where it is not there or is damaged.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            first, *rows = csv.reader(file, strict=True)
        return _parsed(first, rows)
    except OSError as error:
        raise RunError(
            f"{path} cannot be read: {error.strerror}", hint="cnnzoo evaluate writes it"
        ) from error
    except (ValueError, csv.Error) as error:
        raise RunError(
            f"{path} is damaged: {error}", hint="write it again: cnnzoo evaluate"
        ) from None


def _rows(predictions: Predictions) -> Iterator[list[str]]:
    named = predictions.class_names
    rows = zip(
        predictions.names,
        predictions.labels.tolist(),
        predictions.predicted.tolist(),
        predictions.probabilities,
        strict=True,
    )
    for name, label, predicted, values in rows:
        texts = [str(value) for value in values]  # the shortest that is this float32 and no other
        yield [name, named[label], named[predicted], texts[predicted], *texts]


def _parsed(first: list[str], rows: list[list[str]]) -> Predictions:
    names = tuple(column.removeprefix(PREFIX) for column in first[len(COLUMNS) :])
    if first != header(names) or len(set(names)) < max(len(names), 2):
        raise ValueError("its columns are not path, truth, prediction, probability and p_… each")
    codes = {name: code for code, name in enumerate(names)}
    for number, row in enumerate(rows, 1):
        if len(row) != len(first):
            raise ValueError(f"row {number} has {len(row)} fields, not {len(first)}")
        if row[1] not in codes:
            raise ValueError(f"row {number} is of the class {row[1]!r}, which has no column")
    values = np.array([row[len(COLUMNS) :] for row in rows], dtype="U").reshape(-1, len(names))
    probabilities = values.astype(np.float32)
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is no number")
    labels = np.array([codes[row[1]] for row in rows], np.int32)
    return Predictions(tuple(row[0] for row in rows), labels, probabilities, names)
