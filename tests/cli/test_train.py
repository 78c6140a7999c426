from __future__ import annotations

import json

import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.runs.run import Run, create_run


def test_a_training_ends_with_what_it_reached_and_what_to_do_next(in_process, tiny):
    code, out, err = in_process("train", "--config", "tiny.yaml")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    if lines[0].startswith("decoded "):  # by the first test that trains on these data
        assert lines.pop(0).startswith("decoded 1,797 images of digits in ")
    assert lines[0] == "digits: 10 classes, 1,256 train, 181 validation, 360 test examples"
    assert lines[1] == "splits: validation is 0.1 of all images; test is 0.2 of all images"
    assert lines[2].startswith("epoch 1/2  loss ")
    assert lines[5].startswith("runs/tiny/1: 2 epochs in ")
    measured = json.loads((tiny.parent / "runs/tiny/1/metrics.json").read_text())
    (tested,) = (line for line in lines if line.startswith("test: "))
    assert f"accuracy {measured['metrics']['accuracy']['value']:.4f}" in tested
    assert "  cnnzoo report runs/tiny/1" in lines
    assert "evaluate" not in out


def test_a_name_of_ones_own_and_another_runs_directory(in_process, tiny):
    code, _, _ = in_process(
        "train", "--config", "tiny.yaml", "training.epochs=1", "--name", "wide", "--runs-dir", "all"
    )
    assert code == 0
    assert (tiny.parent / "all/wide/1/model.keras").exists()


def test_the_zoo_is_found_from_any_directory_with_or_without_yaml(in_process, tmp_path):
    for name in ("lenet", "lenet.yaml"):
        code, _, _ = in_process("train", "--config", name, "data=digits", "training.epochs=1")
        assert code == 0
    assert (tmp_path / "runs/lenet/2/metrics.json").exists()


def test_without_a_test_split_nothing_is_measured_on_it(in_process, tiny):
    code, out, _ = in_process("train", "--config", "tiny.yaml", "data.splits.test=0")
    assert code == 0
    assert "test:" not in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--config", "lennet"], "there is no configuration 'lennet'"),
        (["--config", "tiny.yaml", "trainng.epochs=3"], "did you mean 'training'?"),
        (["--config", "tiny.yaml", "training.epochs=many"], "must be an integer, not 'many'"),
        (["--config", "tiny.yaml", "training.epochs"], "is not KEY=VALUE"),
        (
            ["--config", "tiny.yaml", "data=mnits5k"],
            "unknown data 'mnits5k'; did you mean 'mnist5k'?",
        ),
        (["--config", "tiny.yaml", "model.layers.2=Flaten"], "did you mean 'Flatten'?"),
        (["--config", "tiny.yaml", "model.layers.4.Dense.units=3"], "the data have 10 classes"),
        (["--config", "tiny.yaml", "model.layers.1.Conv2D.kernel_size=9"], "does not fit its 8x8"),
        (["--config", "tiny.yaml", "name=../up"], "name must be a word"),
        (["--config", "tiny.yaml", "--device", "gpu"], "finds no GPU"),
        (["--config", "tiny.yaml", "--device", "tpu"], "'tpu' is not one of"),
        (
            ["--config", "tiny.yaml", "--runs-dir", "tiny.yaml"],
            "cannot write a run below",
        ),
        ([], "Missing argument 'CONFIG'"),
        (["tiny.yaml", "lenet"], "one configuration is trained, not tiny.yaml, lenet"),
    ],
)
def test_bad_input_is_one_clear_message_and_exit_code_2(in_process, tiny, words, message):
    code, _, err = in_process("train", *words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not (tiny.parent / "runs").exists()


def test_a_run_is_resumed_by_one_word(in_process, tiny):
    """The latest that is not finished; with an override the latest, which it extends."""
    for words in (["training.epochs=1"], ["seed=1", "training.epochs=1"]):
        assert in_process("train", "--config", "tiny.yaml", *words)[0] == 0
    first = Run(tiny.parent / "runs/tiny/1")
    first.update(status="interrupted")
    code, out, err = in_process("train", "--resume")
    assert (code, err) == (0, "")
    assert "resuming runs/tiny/1" in out
    code, out, err = in_process("train", "--resume", "training.epochs=2")
    assert (code, err) == (0, "")
    assert "resuming runs/tiny/2" in out
    assert len(Run(tiny.parent / "runs/tiny/2").history()) == 2
    assert len(first.history()) == 1
    code, _, err = in_process("train", "--resume")
    assert code == 2
    assert "runs has no run to resume" in err
    code, _, err = in_process("train", "--resume", "runs/tiny/1")
    assert code == 2
    assert "training.epochs=" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume", "--config", "lenet"], "use one"),
        (["--resume", "runs/a/1", "runs/b/1"], "one run is resumed, not runs/a/1, runs/b/1"),
        (["--resume", "runs/a/1"], "the run 'runs/a/1' does not exist"),
        (["--resume"], "runs has no run"),
    ],
)
def test_what_cannot_be_resumed_is_said(in_process, words, message):
    code, _, err = in_process("train", *words)
    assert code == 2
    assert message in err


def test_a_run_that_was_killed_while_it_was_measured_is_completed(in_process, tiny):
    assert in_process("train", "tiny.yaml", "training.epochs=1")[0] == 0
    folder = tiny.parent / "runs/tiny/1"
    wanted = {name: (folder / name).read_bytes() for name in ("metrics.json", "predictions.csv")}
    for words in (["--resume"], ["--resume", "runs/tiny/1"]):
        (folder / "metrics.json").unlink()  # it is written last
        code, out, err = in_process("train", *words)
        assert (code, err) == (0, "")
        assert "test: accuracy" in out
        assert {name: (folder / name).read_bytes() for name in wanted} == wanted
    assert Run(folder).record()["status"] == "finished"
    assert "resumed" not in Run(folder).record()
    code, _, err = in_process("train", "--resume")
    assert code == 2
    assert "to resume" in err


def test_a_damaged_run_that_is_not_resumed_is_named(in_process, tmp_path):
    run = create_run(tmp_path / "runs", load_config("lenet"))
    (run.path / "run.json").write_text("{")
    code, _, err = in_process("train", "--resume", "--runs-dir", str(tmp_path / "runs"))
    assert code == 2
    assert f"note: skipped 1 damaged run: {run}; cnnzoo runs shows why" in err
    assert "has no run to resume" in err
