from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
from conftest import ROOT, TINY

import cnnzoo
from cnnzoo.errors import ConfigError, DataError, DeviceError, RunError, TrainingError
from cnnzoo.runs.run import Run
from cnnzoo.training.engine.checkpoint import checkpoints_in, newest_checkpoint
from cnnzoo.training.progress import Display
from cnnzoo.training.resume import resume

STEPS = 20  # of an epoch of the tiny configuration
INSIDE = ("training.checkpoint_every=0.001s", "training.steps_per_execution=1")


class Killing(Display):
    """Dies in the second epoch after some steps, with what is to be raised."""

    def __init__(self, error):
        self.error, self.notes = error, []

    def step(self, epoch, step, metrics):
        if self.error and (epoch, step) == (2, 5):
            raise self.error

    def note(self, text):
        self.notes.append(text)


def load_tiny(folder, *overrides):
    (folder / "tiny.yaml").write_text(TINY)
    return cnnzoo.load_config(folder / "tiny.yaml", overrides)


def weights(run):
    import keras

    return keras.saving.load_model(run.model_path).get_weights()


def assert_same(run, whole):
    np.testing.assert_equal(weights(run), weights(whole))
    assert run.history_path.read_bytes() == whole.history_path.read_bytes()
    values, state = newest_checkpoint(run.checkpoints_path, pytest.fail)
    wanted, _ = newest_checkpoint(whole.checkpoints_path, pytest.fail)
    np.testing.assert_equal(values, wanted)
    assert run.record()["best_epoch"] == whole.record()["best_epoch"]
    assert run.record()["epochs"] == len(state.epoch_seconds) == 2


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return cnnzoo.train(load_tiny(folder, *INSIDE), folder)


@pytest.fixture(scope="module")
def dead(tmp_path_factory):
    """A run that died in its second epoch; leave it as it is."""
    folder = tmp_path_factory.mktemp("dead")
    with pytest.raises(TrainingError):
        cnnzoo.train(load_tiny(folder, *INSIDE), folder, display=Killing(RuntimeError("died")))
    return cnnzoo.open_run(folder / "tiny/1")


@pytest.fixture
def broken(dead, tmp_path):
    """A copy of it."""
    shutil.copytree(dead.path, tmp_path / "runs/tiny/1")
    return Run(tmp_path / "runs/tiny/1")


def test_a_damaged_checkpoint_is_passed_over_and_the_end_is_the_same(broken, whole):
    newest, before = checkpoints_in(broken.checkpoints_path)
    newest.write_bytes(newest.read_bytes()[:-100])
    (broken.checkpoints_path / ".epoch-half.npz").touch()  # of the process that died
    display = Killing(None)
    resume(broken, display=display, command=["cnnzoo", "train", "--resume"])
    assert any(str(newest) in note and "one before" in note for note in display.notes)
    assert_same(broken, whole)
    record = broken.record()
    assert record["status"] == "finished"
    (resumed,) = record["resumed"]
    assert (resumed["epoch"], resumed["step"]) == (2, int(before.stem[-7:]))
    assert resumed["command"] == "cnnzoo train --resume"
    assert not list(broken.checkpoints_path.glob(".epoch*"))
    with pytest.raises(RunError, match="is finished, after 2 epochs") as refused:
        resume(broken)
    assert "training.epochs=12" in str(refused.value)


def test_a_run_that_is_finished_can_be_extended(whole, tmp_path):
    shutil.copytree(whole.path, tmp_path / "1")
    run, display = Run(tmp_path / "1"), Killing(None)
    resume(run, ["training.epochs=3"], display=display)
    assert len(run.history()) == 3
    assert run.history()[:2] == whole.history()
    assert "training.epochs: 2 → 3" in display.notes
    assert any("is stretched to the new number of steps" in note for note in display.notes)
    assert run.record()["resumed"][0]["changes"] == {"training.epochs": ["2", "3"]}
    assert run.config().training.epochs == 3
    run.update(status="failed")
    with pytest.raises(RunError, match=r"training\.epochs=1, but .* has trained 3"):
        resume(run, ["training.epochs=1"])


def test_on_a_full_disk_nothing_is_lost_but_the_last_steps(tmp_path, whole):
    """The second epoch cannot be written; with room again, the end is that of the whole run."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Filling(Display):
        def epoch(self, row, best=False):
            resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, before[1]))

    try:
        with pytest.raises(TrainingError, match=r"the disk of .* is full") as failed:
            cnnzoo.train(load_tiny(tmp_path, *INSIDE), tmp_path, display=Filling())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    run = cnnzoo.open_run(tmp_path / "tiny/1")
    assert f"cnnzoo train --resume {run}" in str(failed.value)
    assert run.record()["status"] == "failed"
    assert checkpoints_in(run.checkpoints_path)[0].name.startswith("epoch-00001")
    resume(run)
    assert_same(run, whole)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("seed=1", "seed: 0 → 1"),
        ("training.batch_size=8", "training.batch_size: 64 → 8"),
        ("model.layers.3.Dropout.rate=0.5", "0.1 → 0.5"),
        ("training.class_weight=balanced", "training.class_weight: None → balanced"),
    ],
)
def test_what_the_steps_were_made_with_cannot_change(broken, override, says):
    before = sorted(broken.path.rglob("*"))
    with pytest.raises(RunError, match="was trained with other values") as refused:
        resume(broken, [override])
    assert says in str(refused.value)
    assert "cnnzoo train --config" in str(refused.value)
    assert sorted(broken.path.rglob("*")) == before
    assert broken.record()["status"] == "failed"


def test_an_edited_configuration_is_noticed_like_overrides(broken):
    """What may not change is refused with its old and its new value; the epochs may change."""
    path = broken.path / "config.yaml"
    text = path.read_text()
    path.write_text(text.replace("batch_size: 64", "batch_size: 8"))
    with pytest.raises(RunError, match="was trained with other values") as refused:
        resume(broken)
    assert "training.batch_size: 64 → 8" in str(refused.value)
    assert "undo the edit of config.yaml" in str(refused.value)
    path.write_text(text.replace("epochs: 2", "epochs: 3"))
    display = Killing(None)
    resume(broken, display=display)
    assert "training.epochs: 2 → 3" in display.notes
    assert len(broken.history()) == 3
    assert broken.record()["resumed"][0]["changes"] == {"training.epochs": ["2", "3"]}


def test_of_an_older_run_an_edit_is_noticed_by_its_hash(broken):
    (broken.checkpoints_path / "config.yaml").unlink()
    display = Killing(None)
    broken.update(config_hash="0123")
    resume(broken, display=display)
    assert any("may have been edited" in note and "0123" in note for note in display.notes)


def test_results_stay_until_a_better_model_replaces_theirs(whole, tmp_path):
    shutil.copytree(whole.path, tmp_path / "1")
    run = Run(tmp_path / "1")
    files = [run.path / name for name in ("metrics.json", "predictions.csv")]
    for file in files:
        file.touch()

    class Full(Display):
        """A disk that is full when the run is resumed."""

        def start(self, progress):
            raise OSError(errno.ENOSPC, "No space left on device")

    best = run.record()["best_epoch"]
    with pytest.raises(TrainingError, match=r"the disk of .* is full"):
        resume(run, ["training.epochs=3"], display=Full())
    if best < 2:  # else the model was written again, from the checkpoint
        assert all(file.exists() for file in files)
    for file in files:
        file.touch()
    resume(run)
    replaced = run.record()["best_epoch"] == 3
    assert all(file.exists() != replaced for file in files)


def test_a_mistake_in_an_override_is_one_of_the_configuration(broken):
    with pytest.raises(ConfigError, match="did you mean 'epochs'"):
        resume(broken, ["training.epoch=9"])


def test_data_that_have_changed_are_refused(broken):
    record = broken.record()
    broken.update(data={**record["data"], "fingerprint": "0123"})
    with pytest.raises(DataError, match=r"has changed since .* was started: fingerprint 0123"):
        resume(broken)


def test_another_backend_is_refused(broken):
    broken.update(machine={**broken.record()["machine"], "backend": "theano"})
    with pytest.raises(DeviceError, match="on the backend theano, but KERAS_BACKEND is tensorflow"):
        resume(broken)


def test_a_run_that_is_being_trained_is_left_alone(broken):
    with broken.training():
        assert broken.is_training()
        with pytest.raises(RunError, match="is being trained by another process"):
            resume(broken)
    assert not broken.is_training()


def test_without_a_checkpoint_there_is_nothing_to_go_on_from(broken):
    shutil.rmtree(broken.checkpoints_path)
    with pytest.raises(RunError, match="has no checkpoint to resume from"):
        resume(broken)


def test_a_run_that_has_written_nothing_yet_begins_in_its_own_directory(broken, whole):
    shutil.rmtree(broken.checkpoints_path)
    broken.history_path.unlink()
    broken.model_path.unlink()
    broken.update(status="running", epochs=0)
    resume(broken)
    assert_same(broken, whole)
    assert broken.record()["resumed"][0]["epoch"] == 1


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (
            MemoryError("std::bad_alloc"),
            "a training step on 64 images does not fit in memory",
            "training.batch_size=32",
        ),
        (
            RuntimeError("RESOURCE_EXHAUSTED: Out of memory"),
            "on 64 images does not fit",
            "training.batch_size=32",
        ),
        (RuntimeError("a\nb"), "the training failed: RuntimeError: a", "cnnzoo train --resume"),
        (OSError(5, "Input/output error"), "cannot be written: Input/output error", "--resume"),
    ],
    ids=["memory", "exhausted", "other", "disk"],
)
def test_what_stops_a_training_is_explained(broken, error, message, hint):
    with pytest.raises(TrainingError) as failed:
        resume(broken, display=Killing(error))
    (mistake,) = failed.value.mistakes
    assert message in mistake.message
    assert hint in mistake.hint
    assert broken.record()["status"] == "failed"


def test_a_run_directory_that_vanishes_is_one_clear_error(broken):
    class Removing(Killing):
        def step(self, epoch, step, metrics):
            if step == 5:
                shutil.rmtree(broken.path)

    with pytest.raises(TrainingError, match=r"the run directory .* was removed"):
        resume(broken, display=Removing(None))


@pytest.mark.slow
def test_a_signal_ends_a_training_with_its_code_and_the_command_that_goes_on(tiny):
    """SIGTERM; then the command that was printed, and Ctrl-C."""
    path = tiny.parent / "runs/tiny/1"
    words = ["train", "--config", str(tiny), "training.epochs=100000"]
    reached = 0
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        process = subprocess.Popen(
            [sys.executable, "-m", "cnnzoo", *words],
            cwd=tiny.parent,
            env={**os.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 120
        while epochs_of(path) <= reached and time.monotonic() < deadline:
            time.sleep(0.05)
        err = None
        while err is None:  # a signal was seen to get lost
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                _, err = process.communicate(timeout=15)
        assert process.returncode == code, err
        assert "Traceback" not in err
        command = f"cnnzoo train --resume {path.relative_to(tiny.parent)}"
        assert command in err
        run = cnnzoo.open_run(path)
        assert run.record()["status"] == "interrupted"
        _, state = newest_checkpoint(run.checkpoints_path, pytest.fail)
        assert run.record()["epochs"] == state.epoch == len(run.history()) > reached
        reached = state.epoch
        words = command.split()[1:]
    assert cnnzoo.evaluate(run)["examples"] == 360


def epochs_of(path):
    try:
        return json.loads((path / "run.json").read_text()).get("epochs", 0)
    except OSError:
        return 0


@pytest.mark.slow
def test_trainings_that_are_killed_end_as_if_they_had_not_been():
    """The script kills them 5 times, some of them while a file is written, and compares."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/kill-training", "--quick", "--kills", "5"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(writing" in done.stdout
    assert done.stdout.endswith("all equal\n")
