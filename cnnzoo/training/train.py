"""Config → Run: load the data, build and compile the model, fit it, keep the best."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import cnnzoo
from cnnzoo.architecture.head import head_of
from cnnzoo.architecture.resolve import evaluate_call
from cnnzoo.config.schema import Config
from cnnzoo.datasets.dataset import Dataset
from cnnzoo.datasets.names import SAMPLES
from cnnzoo.errors import CnnzooError, DataError, Interrupted, TrainingError
from cnnzoo.models.backend import load_keras
from cnnzoo.models.build import build_architecture
from cnnzoo.models.objects import first_line, make
from cnnzoo.models.saved import Description
from cnnzoo.runs import FAILED, FINISHED, INTERRUPTED, RUNNING, Run, create_run
from cnnzoo.training.balance import class_weights
from cnnzoo.training.batches import to_measure, to_train
from cnnzoo.training.compile import compile_model, make_augmentation, training_variables
from cnnzoo.training.interrupt import interruption
from cnnzoo.training.plan import Plan, check_balance, mixing_layer, plan
from cnnzoo.training.progress import Display, load_shown

_VERSIONED = ("keras", "tensorflow", "jax", "torch", "numpy")


def train(
    config: Config,
    runs_dir: Path | str = "runs",
    *,
    device: str = "auto",
    display: Display | None = None,
    command: Sequence[str] = (),
) -> Run:
    """Train a configuration and return its run, `runs_dir/<config.name>/<n>`.

    Whatever ends the training, the run directory says so and keeps the best model so far. Two
    calls with one configuration on one machine give the same weights to the last bit.

    Raises:
        ConfigError, DataError, DeviceError, RunError: before anything is trained.
        TrainingError: the training began and failed.
        Interrupted: a KeyboardInterrupt, which it is.

    """
    planned = plan(config)
    display = display or Display()
    dataset = _load_data(config, display)
    keras = load_keras(device)
    run = create_run(runs_dir, config)
    started = time.perf_counter()
    run.update(
        status=RUNNING,
        started=datetime.now(UTC).isoformat(timespec="microseconds"),
        class_names=list(dataset.class_names),
        seed=config.seed,
        command=shlex.join(command),
        data=_describe(dataset),
        versions=_versions(),
        machine=_machine(keras),
    )
    status = FAILED
    try:
        _fit(keras, planned, dataset, run, display)
        status = FINISHED
    except KeyboardInterrupt as stop:
        status = INTERRUPTED
        reached = f"measure its best epoch with: cnnzoo evaluate {run}"
        raise Interrupted(
            f"interrupted; the run so far is in {run}",
            hint=reached if run.model_path.exists() else "no epoch was finished",
        ) from stop
    except CnnzooError:
        raise
    except Exception as error:
        raise TrainingError(
            f"the training failed: {type(error).__name__}: {first_line(error)}",
            hint=f"the run so far is in {run}",
        ) from error
    finally:
        seconds = round(time.perf_counter() - started, 3)
        run.update(status=status, epochs=len(run.history()), seconds=seconds)
    return run


def _load_data(config: Config, display: Display) -> Dataset:
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


def _fit(keras: ModuleType, planned: Plan, dataset: Dataset, run: Run, display: Display) -> None:
    from cnnzoo.training.callbacks import KeepBest, Record, Steps
    from cnnzoo.training.feeding import feed
    from cnnzoo.training.mixing import MixedSequential

    config, training = planned.config, planned.config.training
    assert config.data
    train, validation = dataset.splits["train"], dataset.splits["validation"]
    batches = to_train(train, training.batch_size, config.seed, config.data.balance)
    held_out = to_measure(validation)
    variables = training_variables(config, len(dataset.class_names), len(batches))
    _seed(keras, config.seed)
    model = build_architecture(planned.architecture, config.name)
    # The optimizer and what only training needs live in a model around the one that is saved.
    around = MixedSequential if mixing_layer(config) else keras.Sequential
    augmentation = make_augmentation(config, variables)
    trainee = around([keras.Input(config.model.input_shape), *augmentation, model])
    head = head_of(planned.architecture, dataset.class_names)
    description = Description(class_names=dataset.class_names, resize=config.data.resize)
    compile_model(trainee, config, variables, head)
    callbacks = [
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: batches.begin(epoch)),
        # The model first: an epoch that history.csv has is one whose best model is there.
        KeepBest(run, model, description, training.monitor, training.place("monitor")),
        Record(run, display.epoch),
        *(make(evaluate_call(callback, variables)) for callback in training.callbacks),
    ]
    display.start(training.epochs, len(batches))
    try:
        with interruption() as stop_if_asked:
            trainee.fit(
                feed(batches),
                validation_data=feed(held_out) if len(held_out) else None,
                class_weight=class_weights(
                    training.class_weight, dataset.class_names, train.labels
                ),
                epochs=training.epochs,
                callbacks=[*callbacks, Steps(display.step, stop_if_asked)],
                shuffle=False,  # the batches come shuffled
                verbose=0,
            )
    except Exception:
        if failure := batches.failure or held_out.failure:
            raise TrainingError(
                f"a batch of {dataset.name} cannot be read: {first_line(failure)}",
                hint=f"is its entry in the cache still there? The run so far is in {run}",
            ) from failure
        raise
    finally:
        display.stop()
    if not run.model_path.exists():
        raise TrainingError(
            f"{training.monitor} was a number in no epoch, so no model was kept",
            hint=f"see {run.history_path}; try a learning rate ten times smaller",
        )


def _seed(keras: ModuleType, seed: int) -> None:
    """Fix Python's, NumPy's and the backend's random numbers, and the order of its sums."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        sys.modules["tensorflow"].config.experimental.enable_op_determinism()


def _describe(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "examples": {split: len(examples) for split, examples in dataset.splits.items()},
        "skipped": {"count": len(dataset.skipped), "reasons": dict(dataset.skipped)},
    }


def _versions() -> dict[str, str]:
    found = {"cnnzoo": cnnzoo.__version__, "python": platform.python_version()}
    for package in _VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _machine(keras: ModuleType) -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "backend": keras.backend.backend(),
        "devices": keras.distribution.list_devices(),
    }
