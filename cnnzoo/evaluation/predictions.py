"""Predictions for every example of a split, as a table that other programs can read."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from cnnzoo.errors import RunError, UserError
from cnnzoo.regular_files import open_regular_text
from cnnzoo.runs.files import replacing

COLUMNS = ("path", "truth", "prediction", "probability")
PREFIX = "p_"  # of the columns with the probability of one class
MAX_COLUMNS = 200  # classes with a column each; for more, the KEPT most probable are written
KEPT = 5
MAX_LINE = 2**20  # letters; a row of MAX_COLUMNS classes has about 5,000

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Predictions:
    """Names [n], labels int32 [n] and probabilities float32 [n, classes] of n examples.

    Predictions of very many classes are written and read with few of them: then `kept` int32
    [n, k] has the class of each column of `probabilities` [n, k]. The first column is the predicted
    class, the second the true one.
    """

    names: tuple[str, ...]
    labels: NDArray[np.int32]
    probabilities: Floats
    class_names: tuple[str, ...]
    kept: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """The most probable class of each example, int [n]; the first of equal ones."""
        if self.kept is not None:
            return self.kept[:, 0].astype(np.intp)
        predicted: NDArray[np.intp] = self.probabilities.argmax(axis=1)
        return predicted

    @cached_property
    def confidence(self) -> Floats:
        """The probability of the predicted class of each example, float32 [n]."""
        return np.asarray(self.probabilities.max(axis=1, initial=0))

    @cached_property
    def true_class_probability(self) -> Floats:
        """The probability of the true class of each example, float32 [n]."""
        columns = self.labels if self.kept is None else 1
        return np.asarray(self.probabilities[np.arange(len(self)), columns])

    def shortened(self) -> Predictions:
        """Return the predicted class, the true class and the next most probable ones only."""
        if self.kept is not None:
            return self
        # Of equal probabilities the first class leads, as in `predicted`.
        most = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :KEPT].astype(np.int32)
        kept = np.column_stack([most[:, 0], self.labels, most[:, 1:]])
        values = np.take_along_axis(self.probabilities, kept, axis=1)
        return Predictions(self.names, self.labels, values, self.class_names, kept)


def check_probabilities(probabilities: Floats) -> None:
    """Raise RunError unless each row of [n, classes] holds probabilities: 0 or more, of sum 1."""
    # Sums in half precision are exact to about a hundredth; logits are far from 1.
    sums = probabilities.sum(axis=1)
    bad = ~((probabilities >= 0).all(axis=1) & (np.abs(sums - 1) <= 0.05))
    if bad.any():
        first = probabilities[bad.argmax(), :5].tolist()
        raise RunError(
            f"the model gives no class probabilities, but {first}",
            hint="they must be 0 or more and sum to 1: end the model with a softmax",
        )


def header(class_names: tuple[str, ...]) -> list[str]:
    """Return the names of the columns."""
    if len(class_names) <= MAX_COLUMNS:
        return [*COLUMNS, *(PREFIX + name for name in class_names)]
    others = (f"{name}_{place}" for place in range(2, KEPT + 1) for name in ("class", "p"))
    return [*COLUMNS, "p_truth", *others]


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write one row per example, atomically; float32 probabilities are read back bit by bit.

    There is a column for each class, or for more than MAX_COLUMNS classes only for the KEPT most
    probable ones and the true one.
    """
    # A name that is not UTF-8 is written as it is on disk, and read again in the same way.
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(header(predictions.class_names))
        writer.writerows(_rows(predictions))


def write_parquet(path: Path, predictions: Predictions) -> None:
    """Write the same table as Parquet, atomically; raise UserError without pyarrow."""
    require_parquet()
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = np.array(predictions.class_names, object)
    # Parquet holds UTF-8 only; other bytes become escapes.
    paths = [os.fsencode(name).decode("utf-8", "backslashreplace") for name in predictions.names]
    columns = [paths, names[predictions.labels], names[predictions.predicted]]
    columns.append(predictions.confidence)
    if len(names) <= MAX_COLUMNS:
        columns += [*predictions.probabilities.T]
    else:
        few = predictions.shortened()
        assert few.kept is not None
        columns.append(few.true_class_probability)
        for place in range(2, few.kept.shape[1]):
            columns += [names[few.kept[:, place]], few.probabilities[:, place]]
    table = dict(zip(header(predictions.class_names), columns, strict=True))
    with replacing(path) as temporary:
        pq.write_table(pa.table(table), temporary)


def require_parquet() -> None:
    """Raise UserError if pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise UserError(
            "Parquet needs pyarrow", hint="install it: pip install pyarrow; or omit --parquet"
        )


def read_predictions(path: Path, class_names: Sequence[str] = ()) -> Predictions:
    """Return the predictions in a file that `write_predictions` wrote.

    `class_names` are needed for files with more than MAX_COLUMNS classes, which do not have all
    names. Raises RunError if the file is missing or damaged.
    """
    try:
        with open_regular_text(
            path, encoding="utf-8", errors="surrogateescape", newline="\n"
        ) as file:
            first, *rows = csv.reader(_lines(file), strict=True)
        return _parsed(first, rows, tuple(class_names))
    except OSError as error:
        raise RunError(
            f"{path} cannot be read: {error.strerror}", hint="cnnzoo evaluate writes it"
        ) from error
    except (ValueError, csv.Error) as error:
        raise RunError(
            f"{path} is damaged: {error}", hint="write it again: cnnzoo evaluate"
        ) from None


def _lines(file: TextIO) -> Iterator[str]:
    """Yield the lines of a file; raise ValueError for a last one that is cut off, or a huge one."""
    line = ""
    while following := file.readline(MAX_LINE):
        line = following
        if len(line) == MAX_LINE:
            raise ValueError(f"it has a line of more than {MAX_LINE:,} letters")
        yield line
    if not line.endswith("\n"):
        raise ValueError("its last row is cut off")


def _rows(predictions: Predictions) -> Iterator[list[str]]:
    named = predictions.class_names
    shown = predictions if len(named) <= MAX_COLUMNS else predictions.shortened()
    rows = zip(
        shown.names,
        shown.labels.tolist(),
        shown.predicted.tolist(),
        shown.confidence,
        shown.probabilities,
        strict=True,
    )
    for place, (name, label, predicted, confidence, values) in enumerate(rows):
        # str gives the shortest text that is this float32 and no other.
        row = [name, named[label], named[predicted], str(confidence)]
        if shown.kept is None:
            yield [*row, *map(str, values)]
        else:
            others = zip(shown.kept[place].tolist()[2:], values[2:], strict=True)
            cells = (cell for code, value in others for cell in (named[code], str(value)))
            yield [*row, str(values[1]), *cells]


def _parsed(first: list[str], rows: list[list[str]], class_names: tuple[str, ...]) -> Predictions:
    names = tuple(column.removeprefix(PREFIX) for column in first[len(COLUMNS) :])
    short = len(class_names) > MAX_COLUMNS
    if short:
        names = class_names
    if not short and first == header(("",) * (MAX_COLUMNS + 1)):
        raise ValueError(f"it has only the most probable of more than {MAX_COLUMNS} classes")
    if first != header(names) or len(set(names)) < max(len(names), 2):
        raise ValueError("its columns are not path, truth, prediction, probability and p_… each")
    for number, row in enumerate(rows, 1):
        if len(row) != len(first):
            raise ValueError(f"row {number} has {len(row)} fields, not {len(first)}")
    codes = {name: code for code, name in enumerate(names)}
    labels, predicted = (_codes(rows, column, codes) for column in (1, 2))
    paths = tuple(row[0] for row in rows)
    if short:
        places = range(len(COLUMNS) + 1, len(first), 2)
        kept = np.column_stack([predicted, labels, *(_codes(rows, at, codes) for at in places)])
        columns = [3, 4, *(at + 1 for at in places)]
        values = _numbers([[row[at] for at in columns] for row in rows], len(columns))
        return Predictions(paths, labels, values, names, kept)
    values = _numbers([row[len(COLUMNS) :] for row in rows], len(names))
    read = Predictions(paths, labels, values, names)
    wrong = np.flatnonzero(read.predicted != predicted)
    if len(wrong):
        raise ValueError(f"row {wrong[0] + 1} does not predict its most probable class")
    return read


def _codes(rows: list[list[str]], column: int, codes: dict[str, int]) -> NDArray[np.int32]:
    """Return the labels int32 [n] of the class names in a column."""
    for number, row in enumerate(rows, 1):
        if row[column] not in codes:
            raise ValueError(f"row {number} has the class {row[column]!r}, which is not known")
    return np.array([codes[row[column]] for row in rows], np.int32)


def _numbers(cells: list[list[str]], width: int) -> Floats:
    values = np.array(cells, dtype="U").reshape(-1, width).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError("a probability is not a finite number")
    return values
