"""The Pareto front of two objectives."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from cnnzoo.reporting.style import DIM, VERMILLION, figure_style, new_figure
from cnnzoo.reporting.sweep.data import SweepData
from cnnzoo.studies.objectives import Objective

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pareto_fronts(data: SweepData) -> Figure | None:
    """Draw each pair of neighbouring objectives; None for one objective or without trials."""
    return _fronts(data) if len(data.objectives) > 1 and data.complete else None


@figure_style()
def _fronts(data: SweepData) -> Figure:
    pairs = list(pairwise(range(len(data.objectives))))
    figure = new_figure(4.8 * len(pairs), 3.6)
    for index, (first, second) in enumerate(pairs):
        axes = figure.add_subplot(1, len(pairs), index + 1)
        for trials, colour, label in (
            (data.complete, DIM, "other trials"),
            (data.best, VERMILLION, "Pareto front"),
        ):
            points = [(trial.values[second], trial.values[first]) for trial in trials]
            axes.plot(*zip(*points, strict=True), "o", color=colour, markersize=5, label=label)
        axes.set_xlabel(_label(data.objectives[second]))
        axes.set_ylabel(_label(data.objectives[first]))
        if min(trial.values[second] for trial in data.complete) > 0:
            axes.set_xscale("log")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    names = " and ".join(each.name for each in data.objectives)
    figure.set_label(f"Pareto front of {names}: {len(data.best)} of {len(data.complete)} trials.")
    return figure


def _label(objective: Objective) -> str:
    return f"{objective.name} ({'smaller' if objective.minimize else 'larger'} is better)"
