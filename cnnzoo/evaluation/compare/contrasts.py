"""Compare a group of runs with the baseline: accuracy, classes, layers and significance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.architecture.alignment import Pair, align
from cnnzoo.evaluation.compare.groups import Group
from cnnzoo.evaluation.compare.pairing import same_examples, what_differs
from cnnzoo.evaluation.compare.significance import (
    holm,
    mcnemar,
    paired_interval,
    unpaired_interval,
    welch,
)
from cnnzoo.evaluation.intervals import metric_value

MCNEMAR, WELCH = "McNemar", "Welch"


@dataclass(frozen=True, slots=True)
class ClassChange:
    """The recall of one class in the baseline and in another group, None without examples.

    `lost` counts examples that only the baseline classifies correctly, `gained` those that only the
    group does; for several seeds they are mean numbers. Both are None for different examples.
    """

    name: str
    examples: tuple[int, int]
    recall: tuple[float | None, float | None]
    lost: float | None = None
    gained: float | None = None


@dataclass(frozen=True, slots=True)
class Contrast:
    """The difference of a group from the baseline.

    `difference` is that of the accuracies, with its 95 % interval over the examples. `unpaired` is
    the reason why the two are not compared example by example, None if they are; then `lost` and
    `gained` count as in ClassChange. `p` is the p-value of `test`, `adjusted` the same after
    Holm's method for all contrasts; without a test, `untested` is the reason.
    """

    group: Group
    layers: tuple[Pair, ...]
    difference: dict[str, Any]
    classes: tuple[ClassChange, ...]
    unpaired: str | None = None
    lost: float | None = None
    gained: float | None = None
    test: str | None = None
    p: float | None = None
    adjusted: float | None = None
    untested: str | None = None


def contrast_with(baseline: Group, group: Group) -> Contrast:
    """Compare a group with the baseline; the p-value is not adjusted yet."""
    before, after = baseline.first.predictions, group.first.predictions
    right, now_right = baseline.right(), group.right()
    paired = same_examples(before, after)
    change = now_right - right if paired else None
    interval = unpaired_interval(right, now_right) if change is None else paired_interval(change)
    contrast = Contrast(
        group,
        align(baseline.first.architecture.layers, group.first.architecture.layers),
        metric_value(float(now_right.mean() - right.mean()), interval),
        _classes(baseline, group, change),
    )
    if change is None:
        why = what_differs(before, after, (baseline.letter, group.letter))
        return replace(contrast, unpaired=why, untested="their examples are not the same")
    lost, gained = _lost_and_gained(change)
    contrast = replace(contrast, lost=lost, gained=gained)
    if len(baseline.members) == len(group.members) == 1:
        return replace(contrast, test=MCNEMAR, p=mcnemar(round(lost), round(gained)))
    p = welch(baseline.accuracies(), group.accuracies())
    if p is not None:
        return replace(contrast, test=WELCH, p=p)
    several = min(len(baseline.members), len(group.members)) > 1
    why = "no seed made a difference" if several else "one of them has one seed, train more"
    return replace(contrast, untested=why)


def _lost_and_gained(change: NDArray[np.float64]) -> tuple[float, float]:
    return float(np.maximum(-change, 0).sum()), float(np.maximum(change, 0).sum())


def _classes(
    baseline: Group, group: Group, change: NDArray[np.float64] | None
) -> tuple[ClassChange, ...]:
    before, after = baseline.first.predictions.labels, group.first.predictions.labels
    right, now_right = baseline.right(), group.right()
    found = []
    for label, name in enumerate(baseline.first.predictions.class_names):
        chosen, now_chosen = before == label, after == label
        counts = int(chosen.sum()), int(now_chosen.sum())
        recall = _mean(right[chosen]), _mean(now_right[now_chosen])
        moved = (None, None) if change is None else _lost_and_gained(change[chosen])
        found.append(ClassChange(name, counts, recall, *moved))
    return tuple(found)


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


def adjusted(contrasts: Sequence[Contrast]) -> tuple[Contrast, ...]:
    """Return the contrasts of a comparison with p-values adjusted for their number."""
    values = iter(holm([contrast.p for contrast in contrasts if contrast.p is not None]))
    return tuple(
        contrast if contrast.p is None else replace(contrast, adjusted=next(values))
        for contrast in contrasts
    )
