"""A sweep → one HTML page without other files or network access."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnzoo.config.writer import to_flow
from cnnzoo.reporting.page.inline_svg import inline_svg
from cnnzoo.reporting.page.render import render
from cnnzoo.reporting.paths import shortened
from cnnzoo.reporting.sweep.data import SweepData
from cnnzoo.reporting.sweep.figures import FIGURES
from cnnzoo.runs.listing import short_keys
from cnnzoo.studies.intervals import mean_interval
from cnnzoo.studies.sweep_results import Trial, outcome_text
from cnnzoo.text import duration_text, shorten

if TYPE_CHECKING:
    from markupsafe import Markup

MOST = 20  # trials in the table
_LETTERS = 40  # of a setting
_LONG = 60  # letters of a problem


@dataclass(frozen=True, slots=True)
class Row:
    """One trial in the table: a text for each column."""

    number: int
    values: list[str]
    settings: list[str]
    epochs: str
    time: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A trial that has no value, and why."""

    number: int
    outcome: str
    text: str


def sweep_page(data: SweepData) -> str:
    """Return the page of a sweep as HTML; raises UserError if matplotlib is not installed."""
    drawn: dict[str, Markup] = {}
    for name, draw in FIGURES.items():
        if figure := draw(data):
            drawn[name] = inline_svg(figure, name)
    keys = list(data.sweep.parameters)
    short = short_keys(keys, keys)
    problems = [
        Problem(trial.number, trial.outcome, shorten(trial.problem, _LONG))
        for trial in data.record.trials
        if trial.problem
    ]
    return render(
        "sweep.html",
        styles=("style.css", "report.css"),
        scripts=(),
        name=data.directory.name,
        sweep=data.sweep,
        several=len(data.objectives) > 1,
        objectives=[each.name for each in data.objectives],
        keys=[short[key] for key in keys],
        domains=[(key, to_flow(shortened(data.sweep.parameters[key].plain()))) for key in keys],
        rows=[_row(data, trial) for trial in data.best[:MOST]],
        more=max(0, len(data.best) - MOST),
        problems=problems[:MOST],
        outcomes=outcome_text(data.record),
        luck=data.luck.text() if data.luck and data.luck.is_likely else "",
        test=data.test,
        figures=drawn,
    )


def _row(data: SweepData, trial: Trial) -> Row:
    values = []
    for index, value in enumerate(trial.values):
        interval = mean_interval([each[index] for each in trial.seed_values])
        ends = f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else ""
        values.append(f"{value:.6g}{ends}")
    settings = [
        shorten(to_flow(shortened(trial.settings[key])), _LETTERS) for key in data.sweep.parameters
    ]
    time = duration_text(trial.seconds)
    return Row(trial.number, values, settings, f"{trial.epochs}/{trial.of_epochs}", time)
