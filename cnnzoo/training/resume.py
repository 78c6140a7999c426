"""Go on with a run from its last checkpoint, as if nothing had happened."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from cnnzoo.config.calls import Call
from cnnzoo.config.expressions import Expression, variables_of
from cnnzoo.config.flat import flat
from cnnzoo.config.loader import load_config
from cnnzoo.config.macros import spelled_out
from cnnzoo.config.schema import Config
from cnnzoo.datasets.dataset import Dataset
from cnnzoo.errors import DataError, DeviceError, Mistake, RunError
from cnnzoo.models.backend import load_keras
from cnnzoo.runs.environment import config_hash, differences, machine, versions
from cnnzoo.runs.run import CONFIG, FINISHED, RUNNING, Run
from cnnzoo.training.engine.checkpoint import State, checkpoints_in, newest_checkpoint
from cnnzoo.training.execution import Settings
from cnnzoo.training.loggers.loggers import open_logs
from cnnzoo.training.plan import plan
from cnnzoo.training.processes import join_processes
from cnnzoo.training.progress import Display
from cnnzoo.training.train import Prepared, choose_settings, load_data, now, train_in

# What may change while a run goes on: none of it touches the steps that are done.
_MAY_CHANGE = (
    "training.epochs",
    "training.checkpoint_every",
    "training.tensorboard",
    "training.mlflow",
    "name",
    "description",
    "reference",
)
_LEFTOVERS = (".model-*", ".history-*", ".run-*", ".config-*", "checkpoints/.epoch-*")
_MEASURED = ("metrics*.json", "predictions*.csv", "predictions*.parquet")  # of an older model


def resume(
    run: Run,
    overrides: Sequence[str] = (),
    *,
    device: str = "auto",
    display: Display | None = None,
    command: Sequence[str] = (),
) -> Run:
    """Train a run from its last checkpoint on, to the same bits as if it had never stopped.

    A run without a checkpoint begins again. `training.epochs=N` among the overrides extends one
    that is finished. Raises what `train` raises, and RunError where the run is being trained, is
    finished, or was trained with what the overrides change.
    """
    began = time.perf_counter()
    use_backend_of(run.record())
    if aside := join_processes(run.config().training, device, run.path):
        run, display = Run(aside / run.path.name), None
    display = display or Display()
    with run.training():
        record = run.record()
        config, changes = _changed(run, overrides)
        _check_epochs(run, record, config)
        planned = plan(config)
        dataset = load_data(config, display)
        check_data(run, record, dataset)
        keras = load_keras(device)
        logs = open_logs(config, display.note)
        values, state = newest_checkpoint(run.checkpoints_path, display.note) or (None, State())
        if "training.epochs" in changes:
            state.stopped = False  # by early stopping: whoever extends it wants another epoch
        environment = differences(record, {"versions": versions(), "machine": machine(keras)})
        settings = record.get("settings")
        prepared = Prepared(
            planned,
            dataset,
            Settings(**settings) if settings else choose_settings(planned, dataset, display),
            logs,
            display,
            began,
        )
        _say(display, run, config, changes, environment)
        _remove_leftovers(run)
        run.write_config(config)
        now_resumed = {
            "at": now(),
            "epoch": state.epoch + 1,
            "step": state.step,
            "command": shlex.join(command),
            "changes": changes,
            "environment": environment,
        }
        run.update(
            status=RUNNING,
            threshold=None,
            config_hash=config_hash(config),
            settings=prepared.settings.record(),
            resumed=[*record.get("resumed", []), now_resumed],
        )
        train_in(run, prepared, state, values)
    return run


def use_backend_of(record: Mapping[str, Any]) -> None:
    """Let Keras start on the backend of a run; raises DeviceError where another one is chosen."""
    backend = record.get("machine", {}).get("backend")
    if backend is None:
        return  # somebody took it out of the record
    keras = sys.modules.get("keras")
    chosen = keras.backend.backend() if keras else os.environ.setdefault("KERAS_BACKEND", backend)
    if chosen != backend:
        raise DeviceError(
            f"the run was trained on the backend {backend}, and this is {chosen}",
            hint=f"set KERAS_BACKEND={backend}, or leave it unset",
        )


def check_data(run: Run, record: Mapping[str, Any], dataset: Dataset) -> None:
    """Raise DataError where the data are not those that the run began with."""
    before = record.get("data", {}).get("fingerprint")
    names = record.get("class_names", [])
    if dataset.fingerprint == before and list(dataset.class_names) == names:
        return
    raise DataError(
        f"{dataset.name} has changed since {run} began: fingerprint {before} → "
        f"{dataset.fingerprint}",
        hint=f"restore it, or train anew: cnnzoo train --config {run.path / CONFIG}",
    )


def _changed(run: Run, overrides: Sequence[str]) -> tuple[Config, dict[str, list[str | None]]]:
    """The configuration of a run with overrides, and what they change: key → old and new.

    Raises RunError for a change of what the steps that are done were made with.
    """
    old, new = run.config(), load_config(run.path / CONFIG, overrides)
    before, after = flat(old.plain()), flat(new.plain())
    changes = {
        key: [before.get(key), after.get(key)]
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    }
    refused = [key for key in changes if key not in _MAY_CHANGE]
    if refused:
        details = [f"{key}: {before.get(key)} → {after.get(key)}" for key in refused]
        message = f"{run} was trained with what this changes"
        words = shlex.join(overrides)
        hint = f"train anew: cnnzoo train --config {run.path / CONFIG} {words}"
        raise RunError.of([Mistake(message, None, hint, tuple(details))])
    return new, changes


def _check_epochs(run: Run, record: Mapping[str, Any], config: Config) -> None:
    """Raise RunError where nothing is left to train, or nothing is there to go on from."""
    epochs, done = config.training.epochs, int(record.get("epochs", 0))
    if record.get("status") == FINISHED and epochs <= max(done, run.config().training.epochs):
        raise RunError(
            f"{run} is finished, after {done} epochs",
            hint=f"extend it: cnnzoo train --resume {run} training.epochs={done + 10}",
        )
    if epochs < done:
        raise RunError(f"training.epochs={epochs}, but {run} has trained {done}")
    if run.history_path.exists() and not checkpoints_in(run.checkpoints_path):
        raise RunError(
            f"{run} has no checkpoint to go on from",
            hint=f"train anew: cnnzoo train --config {run.path / CONFIG}",
        )


def _say(
    display: Display,
    run: Run,
    config: Config,
    changes: Mapping[str, Sequence[str | None]],
    environment: Sequence[str],
) -> None:
    display.note(f"going on with {run}")
    for key, (old, new) in changes.items():
        display.note(f"{key}: {old} → {new}")
    if "training.epochs" in changes and _depends_on_epochs(config.training.optimizer):
        display.note("the learning rate follows the number of steps: its course is stretched")
    if environment:
        display.note(f"not as when the run began: {'; '.join(environment)}")


def _depends_on_epochs(value: Any) -> bool:
    match value:
        case Expression():
            return not variables_of(value).isdisjoint({"steps", "epochs"})
        case Call():
            arguments = (it for made in spelled_out(value) for it in made.arguments.values())
            return any(map(_depends_on_epochs, arguments))
        case tuple():
            return any(map(_depends_on_epochs, value))
    return False


def _remove_leftovers(run: Run) -> None:
    """What a process that was killed had half written, and what was measured before it goes on."""
    for pattern in (*_LEFTOVERS, *_MEASURED):
        for path in run.path.glob(pattern):
            path.unlink(missing_ok=True)
