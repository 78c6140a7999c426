from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock
from sweeps import finished, raw_sweep

from cnnzoo.errors import RunError
from cnnzoo.studies.outcomes import DIVERGED, FINISHED
from cnnzoo.studies.sweep import search_of
from cnnzoo.studies.sweep_directory import WORKERS, create_directory
from cnnzoo.studies.sweep_results import Trial
from cnnzoo.studies.sweep_storage import open_storage
from cnnzoo.studies.sweep_study import SweepStudy, TakenOverError


def open_study(folder: Path, *overrides: str, storage=None, timeout=60.0) -> SweepStudy:
    directory = create_directory(folder / "sweeps/quick", raw_sweep(folder, *overrides))
    config = directory.config()
    assert config.sweep is not None
    return SweepStudy(
        directory, open_storage(directory, storage), search_of(config), config.sweep, timeout
    )


def end(study: SweepStudy, number: int, value: float) -> None:
    plain = finished(number + 1, value).model_dump(exclude={"settings"})
    study.end(Trial(settings=study.settings(number), **plain))


def die_in_a_trial(study: SweepStudy) -> None:
    """Take the first trial and end without giving it back; the system frees the lock."""
    with suppress(ZeroDivisionError), study.working():
        assert study.next_trial() == 0
        raise ZeroDivisionError


@pytest.mark.parametrize("url", [None, "sqlite:///{}/studies.db"])
def test_two_processes_do_every_trial_once(tmp_path, url):
    url = url and url.format(tmp_path)
    one, two = open_study(tmp_path, storage=url), open_study(tmp_path, storage=url)
    with one.working(), two.working():
        first, second = one.next_trial(), two.next_trial()
        assert (first, second) == (0, 1)
        end(one, 0, 0.5)
        assert one.next_trial() == 2
        end(two, 1, 0.6)
        assert two.next_trial() == 3
        end(one, 2, 0.7)
        assert one.next_trial() == "wait"
        end(two, 3, 0.8)
        assert one.next_trial() is None
        assert two.next_trial() is None
    results = one.results()
    assert [trial.values for trial in results] == [[0.5], [0.6], [0.7], [0.8]]
    assert len({str(trial.settings) for trial in results}) == 4


def test_a_new_process_gets_the_trial_of_one_that_died(tmp_path):
    dead = open_study(tmp_path)
    die_in_a_trial(dead)
    settings = dead.settings(0)
    alive = open_study(tmp_path)
    with alive.working():
        assert alive.next_trial() == 0
        assert alive.settings(0) == settings
        end(alive, 0, 0.5)
        assert alive.next_trial() == 1


def test_deaths_are_counted_until_the_trial_makes_progress(tmp_path):
    study = open_study(tmp_path)
    for _ in range(3):
        die_in_a_trial(open_study(tmp_path))
    assert study.deaths(0).count == 2  # the third is counted when its trial is taken over
    with suppress(ZeroDivisionError), study.working():
        assert study.next_trial() == 0
        assert study.deaths(0).count == 3
        study.prunes(0, [0.1])  # an epoch has ended
        raise ZeroDivisionError
    die_in_a_trial(open_study(tmp_path))
    assert study.deaths(0).count == 1
    checkpoint = study.directory.runs(1, 1)[0].checkpoints_path / "epoch-00001-step-0000002.npz"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    die_in_a_trial(open_study(tmp_path))
    assert study.deaths(0).count == 1


@pytest.mark.parametrize(
    ("before", "after", "elsewhere", "memory"),
    [(3, 4, False, 1), (3, 3, False, 0), (3, 4, True, 0), (None, 4, False, 0), (3, None, False, 0)],
)
def test_memory_ran_out_if_the_counter_of_this_machine_grew(
    tmp_path, monkeypatch, before, after, elsewhere, memory
):
    counter = "cnnzoo.studies.sweep_study.kills_for_memory"
    monkeypatch.setattr(counter, lambda: before)
    if elsewhere:
        monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    die_in_a_trial(open_study(tmp_path, "sweep.trials=1"))
    monkeypatch.undo()
    monkeypatch.setattr(counter, lambda: after)
    study = open_study(tmp_path, "sweep.trials=1", timeout=0.0)
    while study.next_trial() == "wait":
        time.sleep(0.01)
    assert (study.deaths(0).count, study.deaths(0).out_of_memory) == (1, memory)


def test_a_trial_that_is_given_back_goes_on_elsewhere(tmp_path):
    one, two = open_study(tmp_path), open_study(tmp_path)
    with one.working(), two.working():
        assert one.next_trial() == 0
        one.release()
        assert two.next_trial() == 0
        assert two.deaths(0).count == 0


def test_a_silent_machine_loses_its_trial_after_the_time_out(tmp_path, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    far = open_study(tmp_path, "sweep.trials=1", timeout=1000)
    with far.working():
        assert far.next_trial() == 0
        monkeypatch.undo()
        near = open_study(tmp_path, "sweep.trials=1", timeout=0.2)
        with near.working():
            assert near.next_trial() == "wait"
            time.sleep(0.3)
            assert near.next_trial() == 0
            with pytest.raises(TakenOverError, match="trial 1 was taken over"):
                far.prunes(0, [0.1])
            with pytest.raises(TakenOverError):
                end(far, 0, 0.1)
            end(near, 0, 0.9)
    assert near.results()[0].values == [0.9]


def test_a_machine_that_reports_keeps_its_trial(tmp_path, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    far = open_study(tmp_path, "sweep.trials=1", timeout=0.2)
    with far.working():
        assert far.next_trial() == 0
        monkeypatch.undo()
        near = open_study(tmp_path, "sweep.trials=1", timeout=5)
        with near.working():
            assert near.next_trial() == "wait"
            seen = dict(near._seen)
            time.sleep(0.4)
            assert near.next_trial() == "wait"
            assert near._seen != seen


def test_a_run_that_is_being_trained_is_not_taken_over(tmp_path, monkeypatch):
    far = open_study(tmp_path, "sweep.trials=1")
    die_in_a_trial(far)
    lock = far.directory.runs(1, 1)[0].checkpoints_path / ".lock"
    lock.parent.mkdir(parents=True)
    near = open_study(tmp_path, "sweep.trials=1", timeout=0.0)
    with FileLock(lock):
        assert near.next_trial() == "wait"
    assert near.next_trial() == 0


def test_the_journal_survives_a_line_that_was_cut_off(tmp_path):
    study = open_study(tmp_path)
    with study.working():
        study.next_trial()
        end(study, 0, 0.5)
    journal = study.directory.path / "study.log"
    with journal.open("ab") as file:
        file.write(b'{"op_code": 4, "work')
    again = open_study(tmp_path)
    with again.working():
        assert again.next_trial() == 1
    assert open_study(tmp_path).results()[0].values == [0.5]


def test_the_time_limits_the_training_of_all_trials(tmp_path):
    study = open_study(tmp_path, "sweep.time=1.5s", "sweep.trials=null")
    with study.working():
        for number in range(2):
            assert study.next_trial() == number
            end(study, number, 0.5)  # a second each
        assert study.next_trial() is None


def test_a_diverged_trial_does_not_end_the_search(tmp_path):
    study = open_study(tmp_path, "sweep.sampler=tpe", "sweep.trials=14")
    with study.working():
        for number in range(14):
            assert study.next_trial() == number
            settings = study.settings(number)
            if settings["training.optimizer.SGD.learning_rate"] > 0.1:
                study.end(Trial(number=number + 1, outcome=DIVERGED, settings=settings))
            else:
                end(study, number, settings["training.optimizer.SGD.learning_rate"])
    outcomes = {trial.outcome for trial in study.results()}
    assert outcomes == {DIVERGED, FINISHED}


def test_another_sweep_of_the_name_in_a_database_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path}/studies.db"
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    open_study(tmp_path / "one", storage=url)
    with pytest.raises(RunError, match="another sweep of the name 'quick'"):
        open_study(tmp_path / "two", "training.epochs=4", storage=url)


def test_workers_leave_no_files(tmp_path):
    study = open_study(tmp_path)
    with study.working():
        assert threading.active_count() > 1
    assert list((study.directory.path / WORKERS).iterdir()) == []
