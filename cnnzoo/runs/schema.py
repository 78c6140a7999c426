"""Schemas of the files of a run: `run.json`, `metrics.json` and `history.csv`, checked when read.

A run directory may be damaged, edited or come from elsewhere. Every reader goes through this
module, so a wrong type or a truncated file is reported with the file and the key.
"""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cnnzoo.errors import RunError
from cnnzoo.regular_files import read_regular
from cnnzoo.text import shorten

MAX_BYTES = 2**28  # of one file
_LETTERS = 40  # of a value in a message


class _Schema(BaseModel):
    """Types are not converted; keys that the schema does not name are kept."""

    model_config = ConfigDict(strict=True, extra="allow")


class DataRecord(_Schema):
    """The data that a run was trained on."""

    name: str = ""
    fingerprint: str | None = None
    examples: dict[str, int] = {}
    skipped: dict[str, Any] = {}
    notes: list[str] = []
    pixel_range: tuple[float, float] | None = None


class Origin(_Schema):
    """The origin of data: title, URL and licence, each as text."""

    title: str
    url: str
    licence: str


class ZooRecord(_Schema):
    """How a trained network of cnnzoo was made; `seeds` has the accuracy of each seed."""

    data: Origin
    seeds: dict[str, float]
    recipe_sha256: str
    model_sha256: str


class StorageRecord(_Schema):
    """Where the workers of a cluster have copied a run: the folder below a URL of fsspec."""

    url: str
    folder: str = Field(pattern=r"^[^/\\]+-\d+-[0-9a-f]{8}$")  # it is removed


class RunRecord(_Schema):
    """`run.json`. Every key may be missing: a run that has just begun has few of them."""

    status: str | None = None
    started: str | None = None
    class_names: list[str] = []
    seed: int | None = None
    config_hash: str | None = None
    command: str | None = None
    best_epoch: int | None = Field(None, ge=1)
    epochs: int = Field(0, ge=0)
    seconds: float | None = None
    epoch_seconds: list[float] = []
    data: DataRecord = DataRecord()
    settings: dict[str, Any] = {}
    versions: dict[str, str] = {}
    machine: dict[str, Any] = {}
    threshold: dict[str, Any] | None = None
    resumed: list[dict[str, Any]] = []
    zoo: ZooRecord | None = None
    storage: StorageRecord | None = None


class MetricValue(_Schema):
    """One metric with its 95 % interval; None is unknown, and `why` is the reason."""

    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""

    @model_validator(mode="after")
    def _has_both_ends(self) -> MetricValue:
        if (self.low is None) != (self.high is None):
            raise ValueError("should have both low and high, or neither")
        return self


class ClassMetrics(_Schema):
    """The metrics of one class; `support` is its number of examples."""

    precision: float
    recall: float
    f1: float
    support: int = Field(ge=0)


class Bin(_Schema):
    """One bin of the reliability diagram; an empty one has no confidence and no accuracy."""

    low: float
    high: float
    count: int = Field(ge=0)
    confidence: float | None
    accuracy: float | None


class Calibration(_Schema):
    """The bins of the reliability diagram."""

    bins: list[Bin]


class SparseConfusion(_Schema):
    """The cells of a large confusion matrix that are not 0: [truth, prediction, count] each."""

    classes: int
    cells: list[tuple[int, int, int]]


class Metrics(_Schema):
    """`metrics.json` and `metrics-SPLIT.json`."""

    split: str = "test"
    examples: int = Field(ge=1)
    data: DataRecord = DataRecord()
    metrics: dict[str, MetricValue]
    per_class: dict[str, ClassMetrics]
    confusion: list[list[int]] | SparseConfusion
    calibration: Calibration
    binary: dict[str, Any] = {}
    temperature: dict[str, Any] = {}

    @model_validator(mode="after")
    def _fit_together(self) -> Metrics:
        classes = len(self.per_class)
        if isinstance(self.confusion, list):
            if [len(row) for row in self.confusion] != [classes] * classes:
                raise ValueError("confusion should have one row and one column for each class")
        elif self.confusion.classes != classes or any(
            not (0 <= row < classes and 0 <= column < classes)
            for row, column, _ in self.confusion.cells
        ):
            raise ValueError("confusion should have the classes of per_class")
        for name in ("accuracy", "loss"):
            if name not in self.metrics:
                raise ValueError(f"metrics should have {name}")
        return self


def read_json(path: Path, schema: type[BaseModel], hint: str | None = None) -> dict[str, Any]:
    """Return the JSON object in a file, checked against a schema; raise RunError if it is damaged.

    The object is returned as it was written: defaults of the schema are not added.
    """
    try:
        plain = json.loads(read_regular(path, MAX_BYTES))
        # A file name may hold bytes that are not UTF-8, which JSON has as lone surrogates.
        text = json.dumps(plain, ensure_ascii=False)
        schema.model_validate_json(text.encode(errors="replace"))
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    except ValidationError as error:
        raise RunError(f"{path} is damaged: {_first(error)}", hint=hint) from None
    except ValueError as error:  # not JSON, or not UTF-8
        raise RunError(f"{path} is damaged: it is not JSON: {error}", hint=hint) from None
    except RecursionError:
        raise RunError(f"{path} is damaged: it is nested too deeply", hint=hint) from None
    result: dict[str, Any] = plain
    return result


def read_history(path: Path) -> list[dict[str, float]]:
    """Return the rows of `history.csv`, one per epoch; raise RunError if it is damaged."""
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8")
        lines = csv.reader(text.splitlines(), strict=True)
        names = next(lines, [])
        if names and ("epoch" not in names or len(set(names)) < len(names)):
            raise ValueError("its first row should name its columns once each, epoch among them")
        rows = [_row(number, names, line) for number, line in enumerate(lines, 1)]
        if rows and not text.endswith("\n"):
            raise ValueError("its last row is cut off")
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise RunError(
            f"{path} is damaged: {error}", hint="restore the file, or train again"
        ) from None
    return rows


def _row(number: int, names: list[str], line: list[str]) -> dict[str, float]:
    if len(line) != len(names):
        raise ValueError(f"row {number} has {len(line)} values for {len(names)} columns")
    values = {}
    for name, word in zip(names, line, strict=True):
        try:
            values[name] = float(word)
        except ValueError:
            message = f"row {number}, {name}: {shorten(word, _LETTERS)!r} is not a number"
            raise ValueError(message) from None
    if not math.isclose(values["epoch"], number):
        raise ValueError(f"row {number} is of epoch {values['epoch']:g}")
    return values


def _first(error: ValidationError) -> str:
    """The first problem: the key, what is expected, and the value that was found."""
    problem = error.errors(include_url=False)[0]
    keys = [str(key) for key in problem["loc"]]
    message = problem["msg"].removeprefix("Value error, ")
    if not keys:
        return "it is not a JSON object" if problem["type"] == "model_type" else message
    where = ".".join(keys)
    if problem["type"] == "missing":
        return f"{where} is missing"
    found = shorten(json.dumps(problem["input"], default=str), _LETTERS)
    expected = message.removeprefix("Input ").removeprefix("should be ")
    return f"{where} is {found}; expected {expected[:1].lower() + expected[1:]}"
