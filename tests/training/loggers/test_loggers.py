from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.config.schema import Config
from cnnzoo.errors import UserError
from cnnzoo.runs.run import FINISHED, RUNNING, Run, create_run
from cnnzoo.training.loggers.loggers import Loggers, open_loggers


def row(epoch: int) -> dict[str, float]:
    return {
        "epoch": epoch,
        "accuracy": epoch / 10,
        "loss": 1 / epoch,
        "val_loss": 2 / epoch,
        "learning_rate": 0.1,
    }


@pytest.fixture
def run(tiny, tmp_path) -> Run:
    run = create_run(tmp_path / "runs", load_config(tiny))
    run.update(status=RUNNING, command="cnnzoo train", versions={"keras": "3"})
    return run


def asked_for(tiny: Path, log: str) -> Config:
    return load_config(tiny, [f"training.{log}=true"])


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    """What the event files of a folder hold, as TensorBoard would read them."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        while data:
            size = int.from_bytes(data[:8], "little")
            values = Event.FromString(data[12 : 12 + size]).summary.value
            step = Event.FromString(data[12 : 12 + size]).step
            found += [(value.tag, step, round(value.simple_value, 4)) for value in values]
            data = data[16 + size :]
    return found


def test_without_being_asked_for_nothing_is_logged_nor_loaded(tiny, run):
    logs = open_loggers(load_config(tiny), print)
    logs.start(run, [])
    logs.epoch(row(1))
    logs.end(FINISHED)
    assert logs.loggers == ()
    assert not (run.path / "tensorboard").exists()


@pytest.mark.parametrize(
    ("log", "package"), [("tensorboard", "tensorboardX"), ("mlflow", "mlflow")]
)
def test_a_missing_package_is_a_message_with_the_way_out(tiny, monkeypatch, log, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=f"training.{log} needs {package}") as error:
        open_loggers(asked_for(tiny, log), print)
    assert f"pip install 'cnnzoo[{log}]', or turn it off with training.{log}=false" in str(
        error.value
    )


def test_tensorboard_shows_training_and_validation_and_each_epoch_once(tiny, run):
    pytest.importorskip("tensorboardX")
    config = asked_for(tiny, "tensorboard")
    logs = open_loggers(config, print)
    logs.start(run, [])
    for epoch in (1, 2, 3):
        logs.epoch(row(epoch))
    # Epoch 3 was written, but no checkpoint after it; the process is another one from here on.
    logs.end(FINISHED)
    logs = open_loggers(config, print)
    logs.start(run, [row(1), row(2)])
    for epoch in (3, 4):
        logs.epoch(row(epoch))
    folder = run.path / "tensorboard"
    shown = scalars(folder / "train")  # before the end: an epoch is there when it has ended
    assert [value for value in shown if value[0] == "loss"] == [
        ("loss", epoch, round(1 / epoch, 4)) for epoch in (1, 2, 3, 4)
    ]
    assert {tag for tag, _, _ in shown} == {"loss", "accuracy", "learning_rate"}
    assert scalars(folder / "validation") == [
        ("loss", epoch, round(2 / epoch, 4)) for epoch in (1, 2, 3, 4)
    ]
    logs.end(FINISHED)


@pytest.fixture
def mlflow(tmp_path, monkeypatch) -> Any:
    """An MLflow of its own."""
    module = pytest.importorskip("mlflow")
    # In files, which are there much sooner than the tables of a database.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    return module


def losses(client: Any, run: Run) -> list[tuple[int, float]]:
    history = client.get_metric_history(run.record()["mlflow_run"], "val_loss")
    return [(metric.step, metric.value) for metric in history]


@pytest.mark.slow
def test_mlflow_has_parameters_metrics_and_the_model_and_goes_on_in_the_same_run(
    tiny, run, mlflow, monkeypatch
):
    config = asked_for(tiny, "mlflow")
    notes: list[str] = []
    logs = open_loggers(config, notes.append)
    logs.start(run, [])
    for epoch in (1, 2, 3):
        logs.epoch(row(epoch))
    client = mlflow.MlflowClient()
    first = run.record()["mlflow_run"]
    assert client.get_run(first).info.status == "RUNNING"
    # Killed; epoch 3 came after the last checkpoint.
    logs = open_loggers(config, notes.append)
    logs.start(run, [row(1), row(2)])
    logs.epoch(row(3))
    fails_for_a_while(logs, monkeypatch, row(4), row(5))
    run.model_path.write_bytes(b"model")
    logs.end(FINISHED)
    assert run.record()["mlflow_run"] == first
    assert losses(client, run) == [(epoch, 2 / epoch) for epoch in (1, 2, 3, 4, 5)]
    found = client.get_run(first)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "tiny/1"
    assert found.data.params["model.layers.1.Conv2D.filters"] == "4"
    assert found.data.tags["version.keras"] == "3"
    assert found.data.tags["cnnzoo.run"] == str(run.path.resolve())
    assert {file.path for file in client.list_artifacts(first)} == {"model.keras", "config.yaml"}
    assert len(notes) == 1
    assert notes[0].startswith(
        "MLflow fails, the training continues; missing epochs are sent at its"
    )


def fails_for_a_while(logs: Loggers, monkeypatch: pytest.MonkeyPatch, *rows: Any) -> None:
    """Epochs while nobody answers: it is said once, and what was not sent is kept."""

    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("nobody answers")

    client = logs.loggers[0].client  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setattr(client, "log_batch", fail)
        for one in rows:
            logs.epoch(one)


@pytest.mark.slow
def test_where_nobody_answers_no_training_begins(tiny, mlflow, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match="MLflow cannot be written to") as error:
        open_loggers(asked_for(tiny, "mlflow"), print)
    assert "its address is http://127.0.0.1:9, see MLFLOW_TRACKING_URI" in str(error.value)
