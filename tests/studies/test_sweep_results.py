from __future__ import annotations

import pytest
from sweeps import finished, write_sweep

from cnnzoo.config.loader import load_config
from cnnzoo.errors import RunError
from cnnzoo.studies.objectives import Objective
from cnnzoo.studies.outcomes import FAILED
from cnnzoo.studies.sweep_results import (
    Trial,
    best_config,
    outcome_text,
    pareto_front,
    ranked,
    read_record,
)

ACCURACY, MACS = Objective("val_accuracy", False), Objective("macs", True)


def test_the_best_trial_is_first_and_of_equal_ones_the_earlier():
    trials = [finished(1, 0.5), finished(2, 0.9), finished(3, 0.9), finished(4, 0.1)]
    trials.append(Trial(number=5, outcome=FAILED, settings={}))
    assert [trial.number for trial in ranked(trials, ACCURACY)] == [2, 3, 1, 4]
    assert [trial.number for trial in ranked(trials, MACS)] == [4, 1, 2, 3]


def test_no_trial_dominates_one_of_the_front():
    trials = [finished(1, 0.9, 100), finished(2, 0.8, 50), finished(3, 0.7, 60)]
    trials += [finished(4, 0.9, 120), finished(5, 0.1, 10)]
    front = pareto_front(trials, [ACCURACY, MACS])
    assert [trial.number for trial in front] == [1, 2, 5]


def test_the_best_trial_is_a_configuration(tmp_path):
    directory = write_sweep(tmp_path, trials=6)
    best = ranked(read_record(directory).trials, ACCURACY)[0]
    path = tmp_path / "best.yaml"
    path.write_text(best_config(directory))
    config = load_config(path)
    assert config.training.batch_size == best.settings["training.batch_size"]
    assert config.sweep is None


def test_outcomes_are_counted(tmp_path):
    record = read_record(write_sweep(tmp_path, trials=4))
    assert outcome_text(record) == "4 trials: 3 finished, 1 pruned; 10 of 12 epochs trained"


def test_a_damaged_record_is_reported(tmp_path):
    directory = write_sweep(tmp_path, trials=1)
    directory.results_path.write_text('{"trials": [{"number": "x"}]}')
    with pytest.raises(RunError, match=r"trials\.0\.number"):
        read_record(directory)
