"""A sweep → everything that its page and figures show."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from cnnzoo.config.sweep import SweepConfig
from cnnzoo.errors import CnnzooError
from cnnzoo.studies.objectives import Objective, objectives_of
from cnnzoo.studies.sweep_directory import SweepDirectory
from cnnzoo.studies.sweep_importance import importances
from cnnzoo.studies.sweep_luck import Luck, luck_of
from cnnzoo.studies.sweep_results import SweepRecord, Trial, best_trials, read_record
from cnnzoo.studies.sweep_winner import test_text, validation_examples

History = list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class SweepData:
    """The trials of a sweep; `best` are sorted, or the Pareto front of several objectives.

    `histories` has the rows of each trial's first run, of those that exist here.
    """

    directory: SweepDirectory
    sweep: SweepConfig
    objectives: tuple[Objective, ...]
    record: SweepRecord
    best: list[Trial]
    importances: Mapping[str, float]
    histories: Mapping[int, History]
    luck: Luck | None
    test: str

    @property
    def complete(self) -> list[Trial]:
        """The trials with values, in the order in which they were started."""
        return self.record.complete()


def collect_sweep(directory: SweepDirectory) -> SweepData:
    """Read a sweep; raises RunError if it has no trials, or if its files are damaged."""
    record, sweep = read_record(directory), directory.sweep()
    objectives = objectives_of(sweep.objective)
    histories = {}
    for trial in record.trials:
        run = directory.runs(trial.number, sweep.seeds)[0]
        with suppress(CnnzooError):  # a damaged history does not hide the other trials
            if rows := run.history():
                histories[trial.number] = rows
    return SweepData(
        directory,
        sweep,
        objectives,
        record,
        best_trials(record.trials, objectives),
        importances(sweep.parameters, record.trials),
        histories,
        luck_of(record, objectives, validation_examples(directory, record)),
        test_text(directory, record),
    )
