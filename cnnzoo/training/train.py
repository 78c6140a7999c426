"""The life of a run: the data, the record, the training itself, and how it ended."""

from __future__ import annotations

import shlex
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cnnzoo.config.data_names import SAMPLES
from cnnzoo.config.schema import Config
from cnnzoo.datasets.dataset import Dataset
from cnnzoo.errors import DataError, TrainingError
from cnnzoo.models.backend import load_keras
from cnnzoo.models.saved import Description
from cnnzoo.runs.environment import config_hash, machine, versions
from cnnzoo.runs.run import FAILED, FINISHED, INTERRUPTED, RUNNING, Run, create_run
from cnnzoo.training.devices import shared_out
from cnnzoo.training.engine.balance import class_weights
from cnnzoo.training.engine.batches import Batches, to_measure, to_train
from cnnzoo.training.engine.checkpoint import Arrays, State, keep_newest
from cnnzoo.training.engine.initial_weights import check_beginning
from cnnzoo.training.engine.seeding import fix_seed
from cnnzoo.training.execution import Settings, settled
from cnnzoo.training.failures import explained, interrupted
from cnnzoo.training.hardware import find_hardware
from cnnzoo.training.interrupt import Asked, interruption
from cnnzoo.training.loading import load_shown
from cnnzoo.training.loggers.loggers import Logs, open_logs
from cnnzoo.training.plan import Plan, check_balance, plan
from cnnzoo.training.processes import join_processes
from cnnzoo.training.progress import Display


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known before a training begins or goes on: nothing of it is in a run yet."""

    planned: Plan
    dataset: Dataset
    settings: Settings
    logs: Logs
    display: Display
    began: float  # by time.perf_counter


def train(
    config: Config,
    runs_dir: Path | str = "runs",
    *,
    device: str = "auto",
    display: Display | None = None,
    command: Sequence[str] = (),
    settings: Settings | None = None,
) -> Run:
    """Train a configuration and return its run, `runs_dir/<config.name>/<n>`.

    Whatever ends the training, the run directory says so, and `resume` continues it as if nothing
    had happened. Two calls with one configuration on one machine give the same weights to the last
    bit. `settings` are what the configuration leaves open; without them they are chosen.

    Raises:
        ConfigError, DataError, DeviceError, RunError: before anything is trained.
        TrainingError: the training began and failed.
        Interrupted: a KeyboardInterrupt, which it is.

    """
    began = time.perf_counter()
    if aside := join_processes(config.training, device):
        runs_dir, display = aside, None
    planned = plan(config)
    check_beginning(planned)
    display = display or Display()
    dataset = load_data(config, display)
    keras = load_keras(device)
    if settings is None:
        settings = choose_settings(planned, dataset, display)
    logs = open_logs(config, display.note)
    prepared = Prepared(planned, dataset, settings, logs, display, began)
    run = create_run(runs_dir, config)
    with run.training():
        run.update(
            status=RUNNING,
            started=now(),
            class_names=list(dataset.class_names),
            seed=config.seed,
            config_hash=config_hash(config),
            settings=settings.record(),
            command=shlex.join(command),
            data=_describe(dataset),
            versions=versions(),
            machine=machine(keras),
        )
        train_in(run, prepared)
    return run


def load_data(config: Config, display: Display) -> Dataset:
    """The data of a configuration, with examples in every split that the training needs."""
    if config.data is None:
        raise DataError(
            f"{config.name} names no data to train on",
            hint="add data.folder=DIR with a sub-folder of images for each class, or data=NAME, "
            f"one of {', '.join(SAMPLES)}",
        )
    dataset = load_shown(config.data, config.model.input_shape, display)
    check_balance(config, dataset.class_names)
    if not len(dataset.splits["train"]):
        raise DataError("no examples are left to train on", place=config.data.place("splits"))
    if config.training.monitor.startswith("val_") and not len(dataset.splits["validation"]):
        raise DataError(
            f"training.monitor is {config.training.monitor!r}, but no examples are held out for "
            "validation",
            place=config.data.place("splits"),
            hint="set data.splits.validation above 0, or training.monitor=loss",
        )
    return dataset


def choose_settings(planned: Plan, dataset: Dataset, display: Display) -> Settings:
    """What the configuration leaves open, by the data and the hardware; says what it chose."""
    settings, said = settled(planned, len(dataset.splits["train"]), find_hardware())
    for line in said:
        display.note(line)
    return settings


def train_in(
    run: Run, prepared: Prepared, state: State | None = None, values: Arrays | None = None
) -> None:
    """Train a run, from a state on where there is one, and write how it ended.

    `values` are those of the variables that belong to the state. The caller holds `run.training()`.
    """
    state = state or State()
    batches = _batches(prepared)
    with interruption() as asked:
        try:
            prepared.logs.begin(run, state.rows)
            with shared_out(prepared.planned.config.training):
                _fit(run, prepared, batches, asked, state, values)
            _end(run, prepared.logs, FINISHED, state)
            keep_newest(run.checkpoints_path)
        except (KeyboardInterrupt, BrokenPipeError) as stop:
            with suppress(Exception):
                _end(run, prepared.logs, INTERRUPTED, state)
            if isinstance(stop, BrokenPipeError):
                raise  # whoever read what is printed has enough
            raise interrupted(run, asked.signal == signal.SIGTERM) from stop
        except Exception as error:
            # What went wrong first is what is said, even where this cannot be written either.
            with suppress(Exception):
                _end(run, prepared.logs, FAILED, state)
            failure = explained(error, run, prepared.settings.batch_size, batches)
            raise failure from (None if failure is error else error)
        finally:
            prepared.display.stop()


def now() -> str:
    """The time as `run.json` says it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _batches(prepared: Prepared) -> tuple[Batches, Batches]:
    """What is trained on, and what is measured after each epoch."""
    config, dataset = prepared.planned.config, prepared.dataset
    assert config.data
    examples = dataset.splits["train"]
    weights = class_weights(config.training.class_weight, dataset.class_names, examples.labels)
    size = prepared.settings.batch_size
    return (
        to_train(examples, size, config.seed, config.data.balance, weights),
        to_measure(dataset.splits["validation"]),
    )


def _fit(
    run: Run,
    prepared: Prepared,
    batches: tuple[Batches, Batches],
    asked: Asked,
    state: State,
    values: Arrays | None,
) -> None:
    from cnnzoo.training.engine.loop import Loop, Work
    from cnnzoo.training.engine.training_model import make_trainee

    config, dataset = prepared.planned.config, prepared.dataset
    assert config.data
    train_batches, held_out = batches
    fix_seed(load_keras(), config.seed)
    trainee = make_trainee(
        prepared.planned,
        dataset.class_names,
        len(train_batches),
        prepared.settings,
        pretrained=values is None,
    )
    if trainee.report:
        run.update(init_from=trainee.report.record())
        for line in trainee.report.lines():
            prepared.display.note(line)
    work = Work(
        run=run,
        trainee=trainee,
        training=config.training,
        settings=prepared.settings,
        train=train_batches,
        validation=held_out,
        description=Description(class_names=dataset.class_names, resize=config.data.resize),
        display=prepared.display,
        logs=prepared.logs,
        asked=asked,
    )
    loop = Loop(work, state, prepared.began)
    loop.begin(values)
    loop.run()
    if not run.model_path.exists():
        raise TrainingError(
            f"{config.training.monitor} was a number in no epoch, so no model was kept",
            hint=f"see {run.history_path}; try a learning rate ten times smaller",
        )


def _end(run: Run, logs: Logs, status: str, state: State) -> None:
    run.update(status=status, epochs=len(state.rows), seconds=round(state.seconds, 3))
    logs.end(status)


def _describe(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "examples": {split: len(examples) for split, examples in dataset.splits.items()},
        "skipped": {"count": len(dataset.skipped), "reasons": dict(dataset.skipped)},
    }
