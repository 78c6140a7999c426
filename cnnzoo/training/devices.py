"""Training on several devices and in several processes: `training.devices: all`, on JAX.

Each device holds the whole model and computes a part of each batch (`engine.placement`).

Several processes, each with its own devices, train one run together. They find each other by Keras'
variables: KERAS_DISTRIBUTION_JOB_ADDRESSES=HOST:PORT, an address of process 0 that all can reach,
KERAS_DISTRIBUTION_NUM_PROCESSES=N, and in each process its own KERAS_DISTRIBUTION_PROCESS_ID, from
0. All of them read the configuration and the data, and all compute the same; process 0 writes the
run, and the files of the others are discarded. If one of them is stopped, the others fail, and
`--resume` continues the run from its last checkpoint.

Tested with virtual devices and with two processes on one machine without a GPU; not tested on
several GPUs or machines.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from cnnzoo.config.schema import TrainingConfig
from cnnzoo.errors import ConfigError, DeviceError
from cnnzoo.models.backend import load_keras
from cnnzoo.models.objects import first_line
from cnnzoo.training.hardware import Hardware

ALL = "all"
_ADDRESSES = "KERAS_DISTRIBUTION_JOB_ADDRESSES"
_ID = "KERAS_DISTRIBUTION_PROCESS_ID"


def check_devices(training: TrainingConfig, batch_size: int, hardware: Hardware) -> None:
    """Raise ConfigError if a batch cannot be divided equally among all devices."""
    if training.devices != ALL:
        return
    _check_backend(training, hardware.backend)
    count = hardware.devices
    if batch_size % count:
        fitting = max(batch_size // count, 1) * count
        raise ConfigError(
            f"training.batch_size: {count} devices cannot share {batch_size} images equally",
            place=training.place("batch_size"),
            hint=f"use a multiple of {count}: training.batch_size={fitting}",
        )


def is_first_process() -> bool:
    """Return whether this process writes the run: it is the only one, or process 0 of several."""
    return _ADDRESSES not in os.environ or os.environ.get(_ID, "0") == "0"


def join_processes(
    training: TrainingConfig, device: str = "auto", run: Path | None = None
) -> Path | None:
    """Wait until all processes of this training are connected, if it has several.

    Call it before anything is computed. Returns None in the process that writes the run. Any other
    process writes to the returned temporary directory, which has a copy of the run directory `run`
    under the same name and is removed when the process ends.

    Raises ConfigError if there are several processes but `training.devices` is not `all`, and
    DeviceError if they cannot connect.
    """
    if _ADDRESSES not in os.environ:
        return None
    if training.devices != ALL:
        raise ConfigError(
            f"{_ADDRESSES} is set, but training.devices is {training.devices}: each process would "
            "train alone",
            place=training.place("devices"),
            hint=f"add training.devices=all, or unset {_ADDRESSES}",
        )
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = load_keras(device)
    _check_backend(training, keras.backend.backend())
    # Before they are connected: process 0 changes the run afterwards.
    scratch = None if is_first_process() else _scratch_directory(run)
    keras.utils.set_random_seed(0)  # the processes would share one, on all devices
    try:
        keras.distribution.initialize()
    except (RuntimeError, TypeError, ValueError) as error:
        raise DeviceError(
            f"the processes cannot connect: {first_line(error)}",
            hint=f"set {_ADDRESSES}=HOST:PORT, KERAS_DISTRIBUTION_NUM_PROCESSES=N and, in each "
            f"process its own, {_ID}=0 to N-1",
        ) from error
    return scratch


def _check_backend(training: TrainingConfig, backend: str) -> None:
    """Raise ConfigError for a backend that cannot train on several devices."""
    if backend != "jax":
        raise ConfigError(
            f"training.devices: all needs the backend jax, not {backend}",
            place=training.place("devices"),
            hint="set KERAS_BACKEND=jax, or omit training.devices",
        )


def _scratch_directory(run: Path | None) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="cnnzoo-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    if run:
        shutil.copytree(run, directory / run.name)
    return directory
