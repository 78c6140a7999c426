"""Predictions as lines of text: a table for the terminal, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable

from rich.cells import cell_len

from cnnzoo.evaluation.predict import Prediction
from cnnzoo.text import printable

_WIDEST = 24  # cells: a class name beyond that shifts its line

# The heading, if any, and the function that formats a prediction.
Lines = tuple[str | None, Callable[[Prediction], str]]


def as_table(class_names: tuple[str, ...], top: int) -> Lines:
    """Format the classes and their probabilities in columns, then the file."""
    names = {name: printable(name) for name in class_names}
    width = min(_WIDEST, max(map(cell_len, names.values())))
    error = "error".ljust(top * (width + len("  0.0000   ")))

    def line(prediction: Prediction) -> str:
        path = printable(prediction.path)
        if prediction.error is not None:
            return f"{error}{path}: {printable(prediction.error)}"
        cells = [
            f"{names[name]}{' ' * (width - cell_len(names[name]))}  {probability:.4f}   "
            for name, probability in prediction.top(top)
        ]
        return "".join(cells) + path

    return None, line


def as_csv(class_names: tuple[str, ...], top: int) -> Lines:
    """Format `path`, the most probable classes with their probabilities, and `error`."""
    columns = [name for place in range(1, top + 1) for name in (f"class{place}", f"p{place}")]

    def line(prediction: Prediction) -> str:
        cells = [cell for name, p in prediction.top(top) for cell in (name, _shortest(p))]
        cells = cells or [""] * len(columns)
        return _csv_row([prediction.path, *cells, prediction.error or ""])

    return _csv_row(["path", *columns, "error"]), line


def as_jsonl(class_names: tuple[str, ...], top: int) -> Lines:
    """Format a JSON object per file: `path`, `classes` (`name`, `probability`), `error` or null."""

    def line(prediction: Prediction) -> str:
        classes = [{"name": name, "probability": _shortest(p)} for name, p in prediction.top(top)]
        entry = {"path": prediction.path, "classes": classes, "error": prediction.error}
        return _encodable(json.dumps(entry, ensure_ascii=False))

    return None, line


FORMATS = {"table": as_table, "csv": as_csv, "jsonl": as_jsonl}


def _shortest(probability: float) -> float:
    """Return a float32 rounded to the digits that identify it."""
    return float(f"{probability:.9g}")


def _csv_row(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return _encodable(text.getvalue())


def _encodable(text: str) -> str:
    """A text whose bytes that are no UTF-8, as a file name may have, are written as `\\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
