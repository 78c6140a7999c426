"""The results of a cross-validation: `crossval.json`, and the metrics over all folds."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cnnzoo import limits
from cnnzoo.runs.files import write_text
from cnnzoo.runs.schema import read_json
from cnnzoo.studies.crossval_directory import CrossvalDirectory
from cnnzoo.studies.intervals import mean_interval
from cnnzoo.studies.outcomes import FINISHED
from cnnzoo.text import counted

# Lowest and highest value of a metric, which its interval does not exceed; of all others 0 and 1.
LIMITS = {
    "loss": (0.0, math.inf),
    "brier": (0.0, 2.0),
    "matthews_correlation": (-1.0, 1.0),
}


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class FoldResult(_Record):
    """One training: its fold and repeat from 1, how it ended, and the metrics on its fold.

    `examples` has the sizes of its splits; `test` is the fold.
    """

    number: int
    repeat: int
    fold: int
    outcome: str
    problem: str = ""
    examples: dict[str, int] = {}
    epochs: int = 0
    best_epoch: int | None = Field(None, ge=1)
    seconds: float = 0.0
    metrics: dict[str, float | None] = {}

    @model_validator(mode="after")
    def _is_measured(self) -> Self:
        if self.outcome != FINISHED:
            return self
        if not {"train", "validation", "test"} <= self.examples.keys():
            raise ValueError("a finished fold should have the sizes of its splits")
        if min(self.examples["train"], self.examples["test"]) < 1:
            raise ValueError("a finished fold should have examples to train and to test")
        if self.metrics.get("accuracy") is None or self.metrics.get("loss") is None:
            raise ValueError("a finished fold should have accuracy and loss")
        return self


class MetricSummary(_Record):
    """A metric over all folds: mean, standard deviation, 95 % interval of the mean.

    The mean is None if a fold has no value, and `why` is the reason.
    """

    value: float | None
    spread: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        others = (self.spread, self.low, self.high)
        if any((other is None) != (self.value is None) for other in others):
            raise ValueError("should have mean, spread and interval, or none of them")
        return self


class CrossvalRecord(_Record):
    """`crossval.json`. `metrics` is empty until every fold has a result.

    `fingerprint` is that of the data set with the first fold held out, `notes` are lines about it.
    """

    folds: int = Field(ge=2, le=limits.FOLDS)
    repeats: int = Field(ge=1, le=limits.REPEATS)
    fingerprint: str
    class_names: list[str]
    notes: list[str] = []
    results: list[FoldResult] = []
    metrics: dict[str, MetricSummary] = {}

    @model_validator(mode="after")
    def _has_each_fold_once(self) -> Self:
        numbers = {result.number for result in self.results}
        if len(numbers) < len(self.results) or not numbers <= {*range(1, self.count + 1)}:
            raise ValueError(f"should have each training from 1 to {self.count} at most once")
        return self

    @property
    def count(self) -> int:
        """The number of trainings."""
        return self.folds * self.repeats

    def failed(self) -> list[FoldResult]:
        """Return the trainings that ended without a result."""
        return [result for result in self.results if result.outcome != FINISHED]

    @property
    def is_complete(self) -> bool:
        """True if every fold has a result."""
        return len(self.results) == self.count and not self.failed()


def read_record(directory: CrossvalDirectory) -> CrossvalRecord:
    """Read `crossval.json`; raises RunError if it is missing or damaged."""
    hint = f"start it again with another name, or restore {directory.RESULTS}"
    return CrossvalRecord.model_validate(read_json(directory.results_path, CrossvalRecord, hint))


def write_record(directory: CrossvalDirectory, record: CrossvalRecord) -> None:
    """Write `crossval.json`."""
    text = json.dumps(record.model_dump(), indent=1, ensure_ascii=False)
    write_text(directory.results_path, text + "\n")


def summarize(results: Sequence[FoldResult]) -> dict[str, MetricSummary]:
    """Return each metric over the folds, whose intervals are those of `mean_interval`."""
    share = fmean(
        result.examples["test"] / (result.examples["train"] + result.examples["validation"])
        for result in results
    )
    return {name: _summary(name, results, share) for name in results[0].metrics}


def _summary(name: str, results: Sequence[FoldResult], share: float) -> MetricSummary:
    found = [result.metrics.get(name) for result in results]
    values = [value for value in found if value is not None]
    if len(values) < len(found):
        missing = counted(len(found) - len(values), "fold")
        return MetricSummary(value=None, why=f"it has no value in {missing}")
    lowest, highest = LIMITS.get(name, (0.0, 1.0))
    low, high = mean_interval(values, share) or (-math.inf, math.inf)
    return MetricSummary(
        value=fmean(values), spread=stdev(values), low=max(low, lowest), high=min(high, highest)
    )


def failure_text(record: CrossvalRecord) -> str:
    """Return which folds have no result, and why; "" if all have one."""
    failed = record.failed()
    if not failed:
        return ""
    first = failed[0]
    where = fold_text(record, first)
    return f"{counted(len(failed), 'fold')} of {record.count} without a result: {where} " + (
        f"{first.outcome}: {first.problem}"
    )


def fold_text(record: CrossvalRecord, result: FoldResult) -> str:
    """Return the fold of a result: `fold 2`, or with repeats `fold 2 of repeat 1`."""
    repeat = f" of repeat {result.repeat}" if record.repeats > 1 else ""
    return f"fold {result.fold}{repeat}"
