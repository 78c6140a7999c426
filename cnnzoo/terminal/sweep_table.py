"""The table of the best trials of a sweep, and the commands to use next."""

from __future__ import annotations

import shlex

from rich.console import RenderableType
from rich.text import Text

from cnnzoo.studies.objectives import objectives_of
from cnnzoo.studies.sweep_directory import SweepDirectory
from cnnzoo.studies.sweep_luck import luck_of
from cnnzoo.studies.sweep_results import SweepRecord, best_trials, outcome_text
from cnnzoo.studies.sweep_winner import test_text, validation_examples
from cnnzoo.terminal.console import new_table
from cnnzoo.terminal.sweep_lines import settings_text
from cnnzoo.text import printable

_ROWS = 10


def sweep_table(directory: SweepDirectory, record: SweepRecord) -> list[RenderableType]:
    """Return the best trials (of several objectives, the Pareto front), outcomes and warnings."""
    sweep = directory.sweep()
    objectives = objectives_of(sweep.objective)
    best = best_trials(record.trials, objectives)
    parts: list[RenderableType] = []
    if best:
        table = new_table("trial", *(each.name for each in objectives), "settings")
        for trial in best[:_ROWS]:
            values = [f"{value:.6g}" for value in trial.values]
            table.add_row(
                str(trial.number), *values, Text(printable(settings_text(trial.settings)))
            )
        parts.append(table)
    parts.append(Text(outcome_text(record)))
    examples = validation_examples(directory, record)
    luck = luck_of(record, objectives, examples)
    if luck and luck.is_likely:
        parts.append(Text(f"warning: {luck.text()}"))
    if test := test_text(directory, record):
        parts.append(Text(test))
    return parts


def next_step(directory: SweepDirectory, record: SweepRecord) -> str:
    """Return the commands that use the result."""
    path = shlex.quote(str(directory))
    lines = [f"  cnnzoo report {path}"]
    if record.complete():
        lines.insert(0, f"  cnnzoo sweep {path} --best > best.yaml")
    return "\n".join(["", *lines])
