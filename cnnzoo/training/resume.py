"""Continue a run from its last checkpoint, to the same result as if it had not stopped."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from cnnzoo.config.calls import Call
from cnnzoo.config.expressions import Expression, variables_of
from cnnzoo.config.flat import differing, flat
from cnnzoo.config.loader import load_config
from cnnzoo.config.macros import spelled_out
from cnnzoo.config.schema import Config
from cnnzoo.datasets.dataset import Dataset
from cnnzoo.datasets.source import Source
from cnnzoo.errors import DataError, DeviceError, Mistake, RunError
from cnnzoo.models.backend import load_keras
from cnnzoo.runs.environment import config_hash, differences, machine, versions
from cnnzoo.runs.run import CONFIG, FINISHED, PRUNED, QUEUED, RUNNING, Run, timestamp
from cnnzoo.training.devices import all_processes
from cnnzoo.training.engine.checkpoint import State, checkpoints_in, newest_checkpoint
from cnnzoo.training.interrupt import StopRequest
from cnnzoo.training.job import prepare
from cnnzoo.training.loggers.loggers import open_loggers
from cnnzoo.training.progress import Display, EndsAfter
from cnnzoo.training.settings import Settings
from cnnzoo.training.train import record_start, run_job

# Keys that may change when a run is resumed: they do not affect the steps that are done.
_MAY_CHANGE = (
    "training.epochs",
    "training.checkpoint_every",
    "training.tensorboard",
    "training.mlflow",
    "name",
    "description",
    "reference",
)

Changes = dict[str, list[str | None]]  # key → old and new value


def resume(
    run: Run,
    overrides: Sequence[str] = (),
    *,
    device: str = "auto",
    display: Display | None = None,
    command: Sequence[str] = (),
    ends_after: EndsAfter | None = None,
    together: bool = True,
    stop_request: StopRequest | None = None,
    source: Source | None = None,
) -> Run:
    """Continue a run from its last checkpoint; the result has the same bits as without the stop.

    A run without a checkpoint starts again, and a queued one starts. `training.epochs=N` among the
    overrides, or in an edited `config.yaml`, extends a finished run. Raises what `train` raises,
    and RunError if another process trains the run, if it is finished, or if overrides or edits
    change what it was trained with. `ends_after` may end the training after an epoch. With
    `together`, all processes that were started with this one train the run. `stop_request` is that
    of `run_job`, `source` that of `prepare`.
    """
    use_backend_of(run.record())
    if not together:
        return _resume(run, overrides, device, display, command, ends_after, stop_request, source)
    with all_processes(run.config(), device, run.path, display) as scratch:
        if scratch:
            run, display = Run(scratch / run.path.name), None
        return _resume(run, overrides, device, display, command, ends_after, stop_request, source)


def _resume(
    run: Run,
    overrides: Sequence[str],
    device: str,
    display: Display | None,
    command: Sequence[str],
    ends_after: EndsAfter | None,
    stop_request: StopRequest | None,
    source: Source | None,
) -> Run:
    """Continue or start a run in this process, which is connected to the others."""
    display = display or Display()
    with run.training():
        record = run.record()
        if record.get("status") == QUEUED:
            config = load_config(run.path / CONFIG, overrides)
            job = prepare(config, device=device, display=display, source=source)
            loggers = open_loggers(config, display.note)
            record_start(run, job, command)
            run_job(run, job, loggers, display, ends_after=ends_after, stop_request=stop_request)
            return run
        old = _trained_config(run, record, display)
        new = load_config(run.path / CONFIG, overrides)
        changes = _changes(run, old, new, overrides)
        _check_epochs(run, record, old, new)
        job = prepare(
            new,
            device=device,
            display=display,
            settings=Settings(**record["settings"]) if record.get("settings") else None,
            initial_weights=not checkpoints_in(run.checkpoints_path),
            source=source,
        )
        check_data(run, record, job.dataset)
        loggers = open_loggers(new, display.note)
        checkpoint = newest_checkpoint(run.checkpoints_path, display.note)
        values, state = checkpoint or (None, State())
        if "training.epochs" in changes or record.get("status") == PRUNED:
            state.stopped = False  # early stopping must not end an extension at once
        now = {"versions": versions(), "machine": machine(load_keras())}
        environment = differences(record, now)
        _show_changes(display, run, new, changes, environment)
        run.remove_leftovers()
        run.write_config(new)
        resumed = {
            "at": timestamp(),
            "epoch": state.epoch + 1,
            "step": state.step,
            "command": shlex.join(command),
            "changes": changes,
            "environment": environment,
        }
        run.update(
            status=RUNNING,
            config_hash=config_hash(new),
            settings=job.settings.record(),
            resumed=[*record.get("resumed", []), resumed],
        )
        run_job(run, job, loggers, display, state, values, ends_after, stop_request)
    return run


def use_backend_of(record: Mapping[str, Any]) -> None:
    """Select the Keras backend of a run; raises DeviceError if another one is selected already."""
    backend = record.get("machine", {}).get("backend")
    if backend is None:
        return  # the record was edited
    keras = sys.modules.get("keras")
    chosen = keras.backend.backend() if keras else os.environ.setdefault("KERAS_BACKEND", backend)
    if chosen != backend:
        raise DeviceError(
            f"the run was trained on the backend {backend}, but KERAS_BACKEND is {chosen}",
            hint=f"set KERAS_BACKEND={backend}, or leave it unset",
        )


def check_data(run: Run, record: Mapping[str, Any], dataset: Dataset) -> None:
    """Raise DataError if the data are not those that the run was trained on."""
    before = record.get("data", {}).get("fingerprint")
    names = record.get("class_names", [])
    if dataset.fingerprint == before and list(dataset.class_names) == names:
        return
    raise DataError(
        f"{dataset.name} has changed since {run} was started: fingerprint {before} → "
        f"{dataset.fingerprint}",
        hint=f"restore the data, or retrain: cnnzoo train --config {run.path / CONFIG}",
    )


def _trained_config(run: Run, record: Mapping[str, Any], display: Display) -> Config:
    """The configuration of the finished steps; `config.yaml` may have been edited since."""
    if config := run.trained_config():
        return config
    config = run.config()
    if record.get("config_hash") not in (None, config_hash(config)):
        display.note(
            f"{run.path / CONFIG} may have been edited since the run was started: its hash was "
            f"{record['config_hash']} and is {config_hash(config)}"
        )
    return config


def _changes(run: Run, old: Config, new: Config, overrides: Sequence[str]) -> Changes:
    """The keys that differ, with both values; raises RunError for a key that may not change."""
    before, after = flat(old.plain()), flat(new.plain())
    changes: Changes = {
        key: [before.get(key), after.get(key)] for key in sorted(differing([before, after]))
    }
    refused = [key for key in changes if key not in _MAY_CHANGE]
    if refused:
        details = [f"{key}: {before.get(key)} → {after.get(key)}" for key in refused]
        words = shlex.join(overrides)
        hint = f"retrain: cnnzoo train --config {run.path / CONFIG} {words}".rstrip()
        if not overrides:
            hint = f"undo the edit of {CONFIG}, or {hint}"
        raise RunError.of(
            [Mistake(f"{run} was trained with other values", None, hint, tuple(details))]
        )
    return changes


def _check_epochs(run: Run, record: Mapping[str, Any], old: Config, new: Config) -> None:
    """Raise RunError if no epoch is left to train, or if the checkpoint is missing."""
    epochs, done = new.training.epochs, int(record.get("epochs", 0))
    if record.get("status") == FINISHED and epochs <= max(done, old.training.epochs):
        raise RunError(
            f"{run} is finished, after {done} epochs",
            hint=f"extend it: cnnzoo train --resume {run} training.epochs={done + 10}",
        )
    if epochs < done:
        raise RunError(f"training.epochs={epochs}, but {run} has trained {done}")
    if run.history_path.exists() and not checkpoints_in(run.checkpoints_path):
        raise RunError(
            f"{run} has no checkpoint to resume from",
            hint=f"retrain: cnnzoo train --config {run.path / CONFIG}",
        )


def _show_changes(
    display: Display, run: Run, config: Config, changes: Changes, environment: Sequence[str]
) -> None:
    display.note(f"resuming {run}")
    for key, (old, new) in changes.items():
        display.note(f"{key}: {old} → {new}")
    if "training.epochs" in changes and _depends_on_epochs(config.training.optimizer):
        display.note("the learning-rate schedule is stretched to the new number of steps")
    if environment:
        display.note(f"changed since the run was started: {'; '.join(environment)}")


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
