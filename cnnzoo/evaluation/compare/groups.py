"""Runs to compare, grouped by configuration: the runs of a group differ only in the seed.

An exported model in the `exports/` of a run takes its network and data from that run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.architecture.layers import Architecture
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config.flat import flat
from cnnzoo.errors import RunError, UserError
from cnnzoo.evaluation.classifier import open_classifier, run_or_file
from cnnzoo.evaluation.compare.pairing import in_order
from cnnzoo.evaluation.predictions import Predictions, read_predictions
from cnnzoo.models.build import measure as measure_layer
from cnnzoo.models.runtimes.open import is_exported
from cnnzoo.runs.environment import config_hash
from cnnzoo.runs.run import EXPORTS, RECORD, Run, open_run
from cnnzoo.text import listed
from cnnzoo.training.progress import Display

_NAMED = 10  # classes that a message names


@dataclass(frozen=True, slots=True)
class Member:
    """One run, or one of its exported models: configuration by dotted key, layers, predictions.

    `recipe` is equal for runs that differ only in the seed. The predictions are in the order of
    the paths, their classes in that of the first run.
    """

    run: Run | Path
    record: Mapping[str, Any]
    config: Mapping[str, str]
    recipe: str
    architecture: Architecture
    metrics: Mapping[str, Any]
    predictions: Predictions


@dataclass(frozen=True, slots=True)
class Group:
    """Runs of one configuration on the same examples that differ at most in the seed."""

    letter: str
    members: tuple[Member, ...]

    @property
    def first(self) -> Member:
        """The first run, for values that all runs of the group share."""
        return self.members[0]

    def right(self) -> NDArray[np.float64]:
        """Return the share of the runs that classify each example correctly, float64 [n]."""
        labels = self.first.predictions.labels
        hits = [member.predictions.predicted == labels for member in self.members]
        share: NDArray[np.float64] = np.mean(hits, axis=0)
        return share

    def accuracies(self) -> list[float]:
        """Return the accuracy of each run."""
        each = (member.predictions for member in self.members)
        return [float((one.predicted == one.labels).mean()) for one in each]

    def majority_vote(self) -> NDArray[np.intp]:
        """Return the class that most runs predict for each example, int [n]; the first on a tie."""
        count = len(self.first.predictions)
        votes = np.zeros((count, len(self.first.predictions.class_names)), np.int32)
        for member in self.members:
            votes[np.arange(count), member.predictions.predicted] += 1
        most: NDArray[np.intp] = votes.argmax(axis=1)
        return most

    def true_class_probability(self) -> NDArray[np.float64]:
        """Return the mean probability of the true class of each example, float64 [n]."""
        each = [member.predictions.true_class_probability for member in self.members]
        mean: NDArray[np.float64] = np.mean(each, axis=0, dtype=np.float64)
        return mean


def read_members(
    runs: Sequence[Run | Path | str], split: str, *, device: str, display: Display
) -> list[Member]:
    """Read the runs and their predictions; a run that was not evaluated is evaluated.

    Raises UserError for a single run or the same one twice, RunError if one is damaged, cannot be
    evaluated, has other classes than the first, or is an exported model outside of a run.
    """
    opened = [run if isinstance(run, Run) else run_or_file(Path(run)) for run in runs]
    _check_runs(opened)
    trained = [_run_of(each) for each in opened]
    records = [run.record() for run in trained]
    _check_classes(trained, records)
    names = tuple(records[0]["class_names"])
    return [
        _member(each, record, names, split, device, display)
        if isinstance(each, Run)
        else _exported_member(each, run, record, names, split, device)
        for each, run, record in zip(opened, trained, records, strict=True)
    ]


def grouped(members: Sequence[Member], *, each: bool) -> tuple[Group, ...]:
    """Group the runs in the order of their first ones; `each` gives every run its own group."""
    found: dict[Any, list[Member]] = {}
    for member in members:
        said = member.predictions
        key = (member.recipe, said.names, said.labels.tobytes(), str(member.run) if each else "")
        found.setdefault(key, []).append(member)
    return tuple(Group(_letter(index), tuple(group)) for index, group in enumerate(found.values()))


def _letter(index: int) -> str:
    """Return A, B, …, Z, AA, BB, …."""
    return ascii_uppercase[index % 26] * (index // 26 + 1)


def _run_of(each: Run | Path) -> Run:
    """The run itself, or the run that an exported model is in."""
    if isinstance(each, Run):
        return each
    folder = each.resolve().parent
    if is_exported(each) and folder.name == EXPORTS and (folder.parent / RECORD).is_file():
        return open_run(folder.parent)
    raise RunError(
        f"{each} is a model outside of a run: its network and data are unknown",
        hint="compare exported models in the exports/ of their run; cnnzoo evaluate --data "
        "measures any model",
    )


def _check_runs(runs: Sequence[Run | Path]) -> None:
    if len(runs) < 2:
        raise UserError("only one run is named, and two are compared", hint="name two runs or more")
    seen: dict[Path, Run | Path] = {}
    for run in runs:
        path = (run.path if isinstance(run, Run) else run).resolve()
        if path in seen:
            also = "" if str(seen[path]) == str(run) else f", as {seen[path]} too"
            raise UserError(f"{run} is named twice{also}", hint="name each run once")
        seen[path] = run


def _check_classes(runs: Sequence[Run], records: Sequence[Mapping[str, Any]]) -> None:
    for run, record in zip(runs, records, strict=True):
        if not record.get("class_names"):
            raise RunError(
                f"{run} has no class names: its training has not begun",
                hint="omit it, or train it again",
            )
    first = records[0]["class_names"]
    for run, record in zip(runs[1:], records[1:], strict=True):
        if set(record["class_names"]) != set(first):
            raise RunError(
                f"{run} tells {listed(record['class_names'], _NAMED)} apart, "
                f"{runs[0]} {listed(first, _NAMED)}",
                hint="only runs of the same class names can be compared",
            )


def _member(
    run: Run,
    record: Mapping[str, Any],
    class_names: tuple[str, ...],
    split: str,
    device: str,
    display: Display,
) -> Member:
    if not run.predictions_path(split).exists():
        _evaluate(run, split, device, display)
    predictions = read_predictions(run.predictions_path(split), record["class_names"])
    if not len(predictions) or set(predictions.class_names) != set(class_names):
        raise RunError(
            f"{run.predictions_path(split)} has other classes than the run, or no example",
            hint=f"write it again: cnnzoo evaluate {run}",
        )
    config = run.config()
    return Member(
        run,
        record,
        flat(config.plain()),
        config_hash(config.model_copy(update={"seed": 0})),
        resolve(config.model, len(class_names), measure_layer),
        _metrics(run, split, predictions),
        in_order(predictions, class_names),
    )


def _exported_member(
    path: Path,
    run: Run,
    record: Mapping[str, Any],
    class_names: tuple[str, ...],
    split: str,
    device: str,
) -> Member:
    """An exported model of a run, measured on the data of the run."""
    from cnnzoo.evaluation.evaluate import predict_split
    from cnnzoo.evaluation.metrics import measure_predictions
    from cnnzoo.evaluation.sources import choose_data

    classifier = open_classifier(path, device=device)
    dataset = choose_data(run, classifier, (), Display()).dataset
    said = predict_split(classifier, dataset, split)
    config = run.config()
    return Member(
        path,
        record,
        flat(config.plain()) | {"exported": path.name},
        f"{path.resolve()}",
        resolve(config.model, len(class_names), measure_layer),
        measure_predictions(said.probabilities, said.labels, said.class_names)["metrics"],
        in_order(said, class_names),
    )


def _evaluate(run: Run, split: str, device: str, display: Display) -> None:
    from cnnzoo.evaluation.evaluate import measure

    display.note(f"{run} was not evaluated on its {split} split: evaluating it")
    try:
        measure(run, split, device=device, display=display)
    except UserError as error:
        why = error.mistakes[0]
        raise RunError(
            f"{run} was not evaluated on its {split} split, and cannot be: {why.message}",
            hint=why.hint or "evaluate it where its data are, or omit it",
        ) from error


def _metrics(run: Run, split: str, predictions: Predictions) -> Mapping[str, Any]:
    """Return the metrics of `evaluate`, computed from the predictions if the file is missing."""
    path = run.metrics_path(split)
    if not path.exists() and predictions.kept is None:
        from cnnzoo.evaluation.metrics import measure_predictions

        values, labels = predictions.probabilities, predictions.labels
        measured = measure_predictions(values, labels, predictions.class_names)
        return dict(measured["metrics"])
    again = f"write both again: cnnzoo evaluate {run} --split {split}"
    try:
        measured = run.metrics(split)
        metrics = dict(measured["metrics"])
        examples, accuracy = measured["examples"], metrics["accuracy"]["value"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged: {error}", hint=again) from error
    right = float((predictions.predicted == predictions.labels).mean())
    if examples != len(predictions) or abs(accuracy - right) > 1e-6:
        raise RunError(f"{path} was not measured on {run.predictions_path(split).name}", hint=again)
    return metrics
