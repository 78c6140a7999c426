from __future__ import annotations

import pytest
from crossvals import raw_crossval

from cnnzoo.errors import ConfigError, DataError, DivergedError, RunError
from cnnzoo.evaluation.predictions import read_predictions
from cnnzoo.runs.run import open_run
from cnnzoo.studies import crossval
from cnnzoo.studies.crossval import fold_config, run_crossval, start_crossval
from cnnzoo.studies.crossval_results import read_record
from cnnzoo.studies.outcomes import DIVERGED
from cnnzoo.studies.progress import StudyDisplay
from cnnzoo.training.progress import Display


class Killed(BaseException):
    """Ends a process as nothing in cnnzoo expects: no handler sees it."""


class KillingDisplay(StudyDisplay):
    """Kills the process after the first epoch of a run."""

    def __init__(self, run: int) -> None:
        self.wanted, self.text = f"run {run} of", ""

    def note(self, text):
        self.text = text

    def training(self):
        display, outer = Display(), self

        def epoch(row, best=False):
            if outer.text.startswith(outer.wanted):
                raise Killed

        display.epoch = epoch  # type: ignore[method-assign]
        return display


def without_times(directory):
    record = read_record(directory)
    results = [result.model_dump(exclude={"seconds"}) for result in record.results]
    return results, record.metrics


@pytest.mark.slow
def test_a_killed_cross_validation_ends_like_an_undisturbed_one(tmp_path, monkeypatch):
    raw = raw_crossval(tmp_path)
    words = {"folds": 2, "repeats": 2}
    whole = start_crossval(raw, tmp_path / "whole", **words)
    record = run_crossval(whole)
    assert record.is_complete
    assert run_crossval(whole) == record  # nothing is left to do

    killed = start_crossval(raw, tmp_path / "killed", **words)
    with pytest.raises(Killed):
        run_crossval(killed, display=KillingDisplay(2))
    with monkeypatch.context() as patch:
        patch.setattr(crossval, "evaluate", raise_killed)  # while the second run is measured
        with pytest.raises(Killed):
            run_crossval(killed)
    assert len(read_record(killed).results) == 1
    with monkeypatch.context() as patch:
        patch.setattr(crossval, "train_run", diverge_in("3"))
        failed = run_crossval(killed)
    assert [result.outcome == DIVERGED for result in failed.results] == [False, False, True, False]
    assert (failed.metrics, killed.predictions_path.exists()) == ({}, False)
    run_crossval(killed)
    assert without_times(killed) == without_times(whole)
    assert killed.predictions_path.read_bytes() == whole.predictions_path.read_bytes()

    # Every example is predicted, by means over the repeats; the runs are ordinary ones.
    mean = read_predictions(whole.predictions_path)
    assert len(set(mean.names)) == len(mean) == 24
    of_runs = [read_predictions(whole.run(number).predictions_path("test")) for number in (1, 2)]
    assert sorted(name for each in of_runs for name in each.names) == sorted(mean.names)
    second = open_run(whole.run(2).path)
    fold = second.config().data.fold
    assert (fold.number, fold.of, fold.repeat) == (2, 2, 1)
    assert [open_run(whole.run(number).path).config().seed for number in (1, 2, 3)] == [0, 1, 2]
    assert record.metrics["accuracy"].low < record.metrics["accuracy"].value


def raise_killed(*_, **__):
    raise Killed


def diverge_in(number):
    train_run = crossval.train_run

    def train(run, *rest, **words):
        if run.path.name == number:
            raise DivergedError("the loss became NaN")
        train_run(run, *rest, **words)

    return train


def test_mistakes_show_before_anything_is_written(tmp_path):
    root = tmp_path / "crossval"
    with pytest.raises(DataError, match="has 12 examples, too few for 13 folds"):
        start_crossval(raw_crossval(tmp_path), root, folds=13)
    raw = raw_crossval(tmp_path, "data.fold={number: 1, of: 2}")
    with pytest.raises(ConfigError, match="cnnzoo crossval chooses the folds itself"):
        start_crossval(raw, root, folds=2)
    with pytest.raises(DataError, match="names no data to train on"):
        start_crossval(raw_crossval(tmp_path, "data=null"), root, folds=2)
    with pytest.raises(DataError, match="no examples are held out for validation"):
        start_crossval(raw_crossval(tmp_path, "data.splits.validation=0"), root, folds=2)
    assert not root.exists()


def test_a_directory_belongs_to_one_configuration_and_its_data(tmp_path):
    root = tmp_path / "crossval"
    directory = start_crossval(raw_crossval(tmp_path), root, folds=3)
    assert start_crossval(raw_crossval(tmp_path), root, folds=3).path == directory.path
    with pytest.raises(RunError, match="was started with --folds 3 --repeats 1") as refused:
        start_crossval(raw_crossval(tmp_path), root, folds=4)
    assert f"cnnzoo crossval --resume {directory}" in str(refused.value)
    with pytest.raises(RunError, match="was started with another configuration"):
        start_crossval(raw_crossval(tmp_path, "training.epochs=9"), root, folds=3)
    with crossval.FileLock(directory.path / crossval.LOCK), pytest.raises(RunError, match="anoth"):
        run_crossval(directory)


def test_runs_of_others_are_not_taken_for_folds(tmp_path):
    (tmp_path / "runs/quick/1").mkdir(parents=True)
    with pytest.raises(RunError, match=r"has runs, such as .*1, but is not a cross-val"):
        start_crossval(raw_crossval(tmp_path), tmp_path / "runs", folds=3)
    assert [path.name for path in (tmp_path / "runs/quick").iterdir()] == ["1"]


def test_each_run_has_its_fold_and_seed(tmp_path):
    config = crossval.make_config(raw_crossval(tmp_path, "seed=7"))
    found = [fold_config(config, number, 3) for number in range(1, 7)]
    assert [each.seed for each in found] == [7, 8, 9, 10, 11, 12]
    assert [(each.data.fold.repeat, each.data.fold.number) for each in found] == [
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 1),
        (2, 2),
        (2, 3),
    ]
