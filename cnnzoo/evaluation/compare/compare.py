"""Compare runs: settings, metrics, layers, and the significance of differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.errors import DataError, did_you_mean
from cnnzoo.evaluation.compare.contrasts import Contrast, adjusted, contrast_with
from cnnzoo.evaluation.compare.groups import Group, grouped, read_members
from cnnzoo.evaluation.compare.pairing import same_examples
from cnnzoo.evaluation.intervals import metric_value
from cnnzoo.runs.environment import differences
from cnnzoo.runs.run import Run
from cnnzoo.training.progress import Display

COMPARED = ("test", "validation", "train")

# Texts, and settings that are compared layer by layer.
_NOT_SETTINGS = ("description", "purpose", "reference", "model.layers", "model.blocks")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Groups of runs and their differences from the first one, the baseline.

    `settings` has by dotted key, for each group, the values of its configuration that differ.
    `metrics` has by name, for each group, `{"value", "low", "high"}`; for several seeds `value` is
    the mean, with `sd` and `n`; None if the group lacks the metric. The rows of `disagreements`
    are those of the predictions of the baseline.
    """

    split: str
    groups: tuple[Group, ...]
    settings: Mapping[str, tuple[tuple[str, ...], ...]]
    metrics: Mapping[str, tuple[dict[str, Any] | None, ...]]
    contrasts: tuple[Contrast, ...]
    disagreements: NDArray[np.intp]
    machines_differ: bool

    @property
    def baseline(self) -> Group:
        """The group that the others are compared with."""
        return self.groups[0]

    @property
    def paired(self) -> tuple[Group, ...]:
        """The baseline and the groups with the same examples."""
        others = (contrast.group for contrast in self.contrasts if contrast.unpaired is None)
        return (self.baseline, *others)


def compare(
    runs: Sequence[Run | Path | str],
    split: str = "test",
    *,
    each: bool = False,
    device: str = "auto",
    display: Display | None = None,
) -> Comparison:
    """Compare runs with the first of them on a split: `test`, `validation` or `train`.

    Runs whose configurations differ in the seed only are one group, unless `each` is true. A run
    that was not evaluated on the split is evaluated, on `device`; only that loads a framework.

    Raises UserError for one run or the same one twice, RunError if one is damaged, cannot be
    evaluated, or has other classes.
    """
    if split not in COMPARED:
        raise DataError(f"unknown split {split!r}{did_you_mean(split, COMPARED)}")
    members = read_members(runs, split, device=device, display=display or Display())
    groups = grouped(members, each=each)
    first = members[0].record
    return Comparison(
        split,
        groups,
        _settings(groups),
        _metrics(groups),
        adjusted([contrast_with(groups[0], group) for group in groups[1:]]),
        _disagreements(groups),
        any(differences(_machine(first), _machine(member.record)) for member in members[1:]),
    )


def _machine(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"machine": record.get("machine", {})}


def _settings(groups: Sequence[Group]) -> dict[str, tuple[tuple[str, ...], ...]]:
    keys = dict.fromkeys(
        key for group in groups for member in group.members for key in member.config
    )
    found = {}
    for key in keys:
        values = tuple(
            tuple(
                dict.fromkeys(
                    member.config[key] for member in group.members if key in member.config
                )
            )
            for group in groups
        )
        if len(set(values)) > 1 and not _in(key, _NOT_SETTINGS):
            found[key] = values
    return found


def _in(key: str, sections: Sequence[str]) -> bool:
    return any(key == section or key.startswith(f"{section}.") for section in sections)


def _metrics(groups: Sequence[Group]) -> dict[str, tuple[dict[str, Any] | None, ...]]:
    names = dict.fromkeys(
        name for group in groups for member in group.members for name in member.metrics
    )
    return {name: tuple(_metric(group, name) for group in groups) for name in names}


def _metric(group: Group, name: str) -> dict[str, Any] | None:
    each = [member.metrics.get(name) for member in group.members]
    if len(each) == 1:
        return each[0]
    values = [one["value"] for one in each if one and one["value"] is not None]
    if len(values) < len(each):
        return None
    return metric_value(fmean(values)) | {"sd": stdev(values), "n": len(values)}


def _disagreements(groups: Sequence[Group]) -> NDArray[np.intp]:
    """Return the rows where a group predicts another class than the baseline, by change."""
    before = groups[0].first.predictions
    others = [group for group in groups[1:] if same_examples(before, group.first.predictions)]
    if not others:
        return np.zeros(0, np.intp)
    votes, probability = groups[0].majority_vote(), groups[0].true_class_probability()
    differ = np.any([group.majority_vote() != votes for group in others], axis=0)
    changes = [np.abs(group.true_class_probability() - probability) for group in others]
    change = np.max(changes, axis=0)
    rows = np.flatnonzero(differ)
    ordered: NDArray[np.intp] = rows[np.argsort(-change[rows], kind="stable")]
    return ordered
