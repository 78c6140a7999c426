"""How much of the best value of a sweep may be luck.

The validation accuracy of a network has a binomial error. Of several networks that are equally
good, the best one by this accuracy is too high by the expected maximum of that many errors. That is
an upper estimate: the trials share the examples, so part of the error is common to all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

from cnnzoo.studies.objectives import Objective
from cnnzoo.studies.sweep_results import SweepRecord, ranked

ACCURACY = "val_accuracy"
MANY = 3  # trials that are as good as the best one
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Luck:
    """Trials whose accuracy the noise of the validation split does not separate from the best.

    `noise` is the standard error of their accuracy, on `examples`; `excess` is by how much the
    best of `count` equal networks is expected to be too high.
    """

    count: int
    examples: int
    noise: float
    excess: float

    @property
    def is_likely(self) -> bool:
        """True if the order of the best trials is likely to be luck."""
        return self.count >= MANY

    def text(self) -> str:
        """Return the warning in one line."""
        return (
            f"{self.count} trials are within the noise of the best one: the standard error of an "
            f"accuracy on {self.examples:,} validation examples is {self.noise:.4f}. Their order "
            f"is likely to be luck, and the best of {self.count} equal networks seems "
            f"{self.excess:.4f} better than it is"
        )


def luck_of(record: SweepRecord, objectives: Sequence[Objective], examples: int) -> Luck | None:
    """Return the luck of a sweep for validation accuracy; None for other objectives."""
    if objectives[0].name != ACCURACY or not examples:
        return None
    values = [trial.values[0] for trial in ranked(record.trials, objectives[0])]
    if not values:
        return None
    contenders = values[:1]
    for _ in range(2):  # the noise is that of the contenders' mean, which depends on the noise
        share = min(max(fmean(contenders), 0.0), 1.0)
        noise = math.sqrt(max(share * (1 - share), 1 / examples) / examples)
        # Two equal networks differ by more than this in one of twenty pairs.
        least = values[0] - _NORMAL.inv_cdf(0.975) * math.sqrt(2) * noise
        contenders = [value for value in values if value >= least]
    count = len(contenders)
    return Luck(count, examples, noise, expected_maximum(count) * noise)


def expected_maximum(count: int) -> float:
    """Return the expected maximum of standard normal values, by the formula of Blom (1958)."""
    return _NORMAL.inv_cdf((count - 0.375) / (count + 0.25)) if count > 1 else 0.0
