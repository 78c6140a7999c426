"""The values that a study optimizes: measured ones of a run, and costs of its network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cnnzoo.architecture.labels import LESS, better, measured_names
from cnnzoo.architecture.layers import Architecture
from cnnzoo.config.schema import Config
from cnnzoo.errors import Mistake, did_you_mean
from cnnzoo.runs.run import Run
from cnnzoo.text import listed

# Costs of a network, which do not depend on its training.
COSTS: dict[str, Callable[[Architecture], int]] = {
    "macs": lambda architecture: architecture.macs,
    "parameters": lambda architecture: architecture.parameters,
    "activations": lambda architecture: architecture.activations,
}


@dataclass(frozen=True, slots=True)
class Objective:
    """A value to maximize or minimize: a column of `history.csv`, or a name of COSTS."""

    name: str
    minimize: bool

    @property
    def is_measured(self) -> bool:
        """True if a training measures it."""
        return self.name not in COSTS

    def __str__(self) -> str:
        return f"-{self.name}" if self.minimize else self.name


def objectives_of(words: Sequence[str]) -> tuple[Objective, ...]:
    """Return the objectives of the section: `-NAME` is minimized."""
    return tuple(Objective(word.removeprefix("-"), word.startswith("-")) for word in words)


def objective_values(
    objectives: Sequence[Objective], run: Run, architecture: Architecture
) -> list[float]:
    """Return the values of a finished run: measured ones are those of its kept model."""
    row = run.history()[run.record()["best_epoch"] - 1]
    return [
        row[each.name] if each.is_measured else float(COSTS[each.name](architecture))
        for each in objectives
    ]


def objective_mistakes(config: Config) -> Iterator[Mistake]:
    """Yield objectives that are not known, or are optimized in the wrong direction."""
    assert config.sweep is not None
    place = config.sweep.place("objective")
    names = (*measured_names(config), *COSTS)
    for objective in objectives_of(config.sweep.objective):
        name = objective.name
        if name not in names:
            yield Mistake(
                f"sweep.objective: {name!r} is not measured{did_you_mean(name, names)}",
                place,
                f"measured: {listed(names, len(names))}",
            )
            continue
        less = name in COSTS or better(config, name) == LESS
        if less != objective.minimize:
            right, sign = (f"-{name}", "smaller") if less else (name, "larger")
            yield Mistake(
                f"sweep.objective: {sign} values of {name} are better, and this searches for the "
                "others",
                place,
                f"write {right}",
            )
