"""Prepare a Job from a configuration: everything that the first step of a training needs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from cnnzoo.architecture.head import head_of
from cnnzoo.architecture.layers import Architecture
from cnnzoo.config.composites import known_arguments
from cnnzoo.config.data import DataConfig
from cnnzoo.config.data_names import SAMPLES
from cnnzoo.config.schema import Config
from cnnzoo.datasets.dataset import Dataset
from cnnzoo.datasets.source import Source, open_source
from cnnzoo.errors import DataError
from cnnzoo.models.backend import load_keras
from cnnzoo.training.checks import check_balance, check_config, check_initial_weights
from cnnzoo.training.devices import process_count
from cnnzoo.training.hardware import find_hardware
from cnnzoo.training.progress import Display, load_with_progress
from cnnzoo.training.settings import Settings, choose_settings


@dataclass(frozen=True, slots=True)
class Job:
    """A training that is ready to start: a plain value; nothing is written yet.

    `config` has no `sweep` section, which does not affect a training.
    `architecture` and `head` (`binary` or `categorical`) are resolved for the classes of the data
    set. `settings` has no open value. `seconds` is the time that `prepare` took, which counts as
    time of the training.
    """

    config: Config
    dataset: Dataset
    architecture: Architecture
    head: str
    settings: Settings
    seconds: float = 0.0

    @property
    def data(self) -> DataConfig:
        """The `data` section, which the configuration of a training has."""
        assert self.config.data is not None
        return self.config.data


def prepare(
    config: Config,
    *,
    device: str = "auto",
    display: Display | None = None,
    settings: Settings | None = None,
    initial_weights: bool = True,
    source: Source | None = None,
) -> Job:
    """Check a configuration, load its data, start Keras on a device, and choose the settings.

    The data source is opened once, unless `source` is the opened one. `settings` are those of an
    earlier training; without them, they are chosen. Without `initial_weights`, it is not checked
    that pretrained weights and `init_from` are available: the training does not start from them.

    Raises ConfigError, DataError or DeviceError.
    """
    started = time.perf_counter()
    display = display or Display()
    data = data_of(config)
    source = source or open_source(data)
    checked = check_config(config, source)
    if initial_weights:
        check_initial_weights(checked)
    # Each of several processes reads its part of every batch from the cache, and holds none of it.
    most = None if process_count() == 1 else 0
    dataset = load_with_progress(data, config.model.input_shape, display, source, most)
    check_balance(config, dataset.class_names)
    check_splits(config, data, dataset)
    load_keras(device)
    if settings is None:
        examples = len(dataset.splits["train"])
        settings, notes = choose_settings(
            config.training, checked.architecture, examples, find_hardware()
        )
        for note in notes:
            display.note(note)
    return Job(
        config if config.sweep is None else config.model_copy(update={"sweep": None}),
        dataset,
        checked.architecture,
        head_of(checked.architecture, dataset.class_names),
        settings,
        time.perf_counter() - started,
    )


def data_of(config: Config) -> DataConfig:
    """Return the `data` section; raises DataError if the configuration has none."""
    if config.data is None:
        raise DataError(
            f"{config.name} names no data to train on",
            hint="add data.folder=DIR with a sub-folder of images for each class, or data=NAME, "
            f"one of {', '.join(SAMPLES)}",
        )
    return config.data


def check_splits(config: Config, data: DataConfig, dataset: Dataset) -> None:
    """Raise DataError for an empty split that the training needs."""
    if not len(dataset.splits["train"]):
        raise DataError("no examples are left to train on", place=data.place("splits"))
    if len(dataset.splits["validation"]):
        return
    for user, monitor in _monitors(config):
        if monitor.startswith("val_"):
            raise DataError(
                f"{user} is {monitor!r}, but no examples are held out for validation",
                place=data.place("splits"),
                hint="set data.splits.validation higher, or monitor loss or accuracy",
            )


def _monitors(config: Config) -> Iterator[tuple[str, str]]:
    """Yield each setting that names a measured value, and the name."""
    yield "training.monitor", config.training.monitor
    for call in config.training.callbacks:
        if "monitor" in (known := known_arguments("callbacks", call.name)):
            monitor = call.arguments.get("monitor", known["monitor"].default)
            yield f"the monitor of {call.name}", str(monitor)
