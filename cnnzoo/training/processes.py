"""Several processes that train one run together, each with devices of its own.

They are told of each other in Keras' words: KERAS_DISTRIBUTION_JOB_ADDRESSES=HOST:PORT, an address
of process 0 that all can reach, KERAS_DISTRIBUTION_NUM_PROCESSES=N, and in each its own
KERAS_DISTRIBUTION_PROCESS_ID, from 0. All of them read the configuration and the data, and all do
the same; process 0 writes the run, and what the others write is thrown away. Where one of them is
stopped, the others fail, and the run goes on from its last checkpoint with `--resume`.

Proven with two processes on one machine without a GPU; between machines it has not been run.
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
from cnnzoo.training.devices import ALL, check_backend

_ADDRESSES = "KERAS_DISTRIBUTION_JOB_ADDRESSES"
_ID = "KERAS_DISTRIBUTION_PROCESS_ID"


def is_first() -> bool:
    """Whether this process writes the run: it is alone, or process 0 of several."""
    return _ADDRESSES not in os.environ or os.environ.get(_ID, "0") == "0"


def join_processes(
    training: TrainingConfig, device: str = "auto", run: Path | None = None
) -> Path | None:
    """Wait for the other processes, where there are any; where to write instead of in the run.

    That is a directory which is removed when this process ends, with a copy of the run directory
    `run` in it under the same name; None in the process that writes the run. It must be called
    before anything is computed.

    Raises ConfigError where there are several, but `training.devices` is one, and DeviceError
    where they do not come together.
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
    check_backend(training, keras.backend.backend())
    aside = None if is_first() else _aside(run)  # before the first one goes on, which writes there
    keras.utils.set_random_seed(0)  # else the processes compute one together, on all devices
    try:
        keras.distribution.initialize()
    except (RuntimeError, TypeError, ValueError) as error:
        raise DeviceError(
            f"the processes do not come together: {first_line(error)}",
            hint=f"{_ADDRESSES}=HOST:PORT, KERAS_DISTRIBUTION_NUM_PROCESSES=N and, in each its "
            f"own, {_ID}=0 to N-1 must be set",
        ) from error
    return aside


def _aside(run: Path | None) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="cnnzoo-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    if run:
        shutil.copytree(run, directory / run.name)
    return directory
