from __future__ import annotations

import zipfile

import pytest
from sweeps import raw_sweep

from cnnzoo.config.loader import load_config
from cnnzoo.errors import RunError
from cnnzoo.runs.run import PRUNED as RUN_PRUNED
from cnnzoo.runs.run import Run
from cnnzoo.studies.outcomes import DIVERGED, FAILED, FINISHED, PRUNED, TOO_LARGE
from cnnzoo.studies.progress import SweepDisplay
from cnnzoo.studies.sweep import extend_sweep, run_sweep, start_sweep
from cnnzoo.studies.sweep_directory import SweepDirectory
from cnnzoo.studies.sweep_results import best_config, read_record
from cnnzoo.training.progress import Display
from cnnzoo.training.resume import resume


class Killed(BaseException):
    """Ends a process as nothing in cnnzoo expects: no handler sees it."""


class KillingDisplay(SweepDisplay):
    """Kills the process after an epoch of a trial."""

    def __init__(self, trial: int, epoch: int) -> None:
        self.wanted, self.epoch = trial, epoch
        self.trial = 0

    def start(self, number, of, settings):
        self.trial = number

    def training(self):
        display, outer = Display(), self

        def epoch(row, best=False):
            if (outer.trial, row["epoch"]) == (outer.wanted, outer.epoch):
                raise Killed

        display.epoch = epoch  # type: ignore[method-assign]
        return display


def weights(directory: SweepDirectory) -> dict[str, list[bytes]]:
    """The bytes of the weights of every run."""
    import h5py

    found = {}
    for path in sorted(directory.path.glob("[0-9]*/model.keras")):
        with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as member:
            arrays: list[bytes] = []
            with h5py.File(member) as file:
                file.visititems(
                    lambda _, item, arrays=arrays: (
                        arrays.append(item[()].tobytes())
                        if isinstance(item, h5py.Dataset)
                        else None
                    )
                )
        found[path.parent.name] = arrays
    return found


def without_times(directory: SweepDirectory) -> list[dict[str, object]]:
    return [trial.model_dump(exclude={"seconds"}) for trial in read_record(directory).trials]


@pytest.mark.slow
def test_a_killed_sweep_ends_like_an_undisturbed_one(tmp_path):
    raw = raw_sweep(tmp_path, "sweep.sampler=tpe", "sweep.pruner=median", "sweep.trials=2")
    whole = start_sweep(raw, tmp_path / "whole")
    run_sweep(whole)
    killed = start_sweep(raw, tmp_path / "killed")
    for trial, epoch in ((1, 1), (2, 2)):
        with pytest.raises(Killed):
            run_sweep(killed, display=KillingDisplay(trial, epoch))
    run_sweep(killed)
    assert without_times(killed) == without_times(whole)
    assert weights(killed) == weights(whole)
    assert len(weights(whole)) == 2
    tested = [path.parent.name for path in whole.path.glob("*/metrics.json")]
    assert len(tested) == 1  # the winner only
    path = tmp_path / "best.yaml"
    path.write_text(best_config(whole))
    best = load_config(path)
    assert best.sweep is None
    assert best == run_of(whole, tested[0]).config()
    with pytest.raises(RunError, match=r"only sweep\.trials and sweep\.time can change"):
        extend_sweep(whole, ["training.epochs=9"])
    with pytest.raises(RunError, match="was started with other values"):
        start_sweep(raw_sweep(tmp_path, "training.epochs=9"), tmp_path / "whole")
    extend_sweep(whole, ["sweep.trials=4"])
    assert whole.sweep().trials == 4


def run_of(directory: SweepDirectory, number: str) -> Run:
    return Run(directory.path / number)


@pytest.mark.slow
def test_trials_that_end_badly_are_recorded_and_do_not_end_the_sweep(tmp_path, monkeypatch):
    raw = raw_sweep(
        tmp_path,
        "training.epochs=2",
        "sweep.sampler=grid",
        "sweep.trials=null",
        "sweep.seeds=2",
        "sweep.parameters={training.optimizer.SGD.learning_rate: [0.1, 1e38],"
        " training.batch_size: [32, 1000000]}",
    )
    monkeypatch.setattr("cnnzoo.studies.training.find_hardware", little_memory)
    directory = start_sweep(raw, tmp_path / "sweeps")
    record = run_sweep(directory)
    outcomes = {
        (
            trial.settings["training.batch_size"],
            trial.settings["training.optimizer.SGD.learning_rate"],
        ): trial
        for trial in record.trials
    }
    good = outcomes[32, 0.1]
    assert good.outcome == FINISHED
    assert len(good.seed_values) == 2
    one, two = directory.runs(good.number, 2)
    assert (one.config().seed, two.config().seed) == (0, 1)
    assert one.history()[0]["loss"] != two.history()[0]["loss"]
    assert good.values[0] == pytest.approx(sum(values[0] for values in good.seed_values) / 2)
    assert outcomes[32, 1e38].outcome == DIVERGED
    assert "became" in outcomes[32, 1e38].problem
    for rate in (0.1, 1e38):
        assert outcomes[1000000, rate].outcome == TOO_LARGE
        assert "the memory is" in outcomes[1000000, rate].problem
    assert FAILED not in {trial.outcome for trial in record.trials}


def little_memory():
    from cnnzoo.training.hardware import Hardware

    return Hardware("tensorflow", memory=50 * 2**20)


@pytest.mark.slow
def test_a_pruned_trial_is_a_run_that_says_so(tmp_path, monkeypatch):
    def prune_the_second(search, trials, number, values):
        return number == 1 and len(values) == 2, {}

    monkeypatch.setattr("cnnzoo.studies.sweep_study.should_prune", prune_the_second)
    directory = start_sweep(raw_sweep(tmp_path, "sweep.trials=2"), tmp_path / "sweeps")
    first, second = run_sweep(directory).trials
    assert (first.outcome, first.epochs, first.of_epochs) == (FINISHED, 3, 3)
    assert (second.outcome, second.epochs, second.values) == (PRUNED, 2, [])
    (run,) = directory.runs(2, 1)
    assert run.record()["status"] == RUN_PRUNED
    assert len(run.history()) == 2
    assert len(resume(run).history()) == 3  # its user may continue it
