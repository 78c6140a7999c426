"""Training on several devices and in several processes: `training.devices: all`, on JAX.

Each device holds the whole model and computes a part of each batch (`engine.placement`).

Several processes, each with its own devices, train one run together (`processes` finds them,
`rendezvous` checks that all are there). All of them read the configuration and open the data, and
each gathers only its part of a batch; process 0 writes the run, and the files of the others are
discarded. If one of them dies, the others fail, and `--resume` continues the run from its last
checkpoint.

Tested with virtual devices and with processes on one machine without a GPU; not tested on several
GPUs or machines.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnnzoo.config.schema import Config, TrainingConfig
from cnnzoo.errors import CnnzooError, ConfigError, DeviceError, Interrupted
from cnnzoo.models.backend import load_keras
from cnnzoo.models.objects import first_line
from cnnzoo.runs.environment import config_hash, versions
from cnnzoo.training.hardware import Hardware
from cnnzoo.training.processes import (
    ADDRESSES,
    Processes,
    detected_processes,
    named_processes,
    started_together,
)
from cnnzoo.training.progress import Display
from cnnzoo.training.rendezvous import TIMEOUT, meet
from cnnzoo.training.scratch import scratch_directory

ALL = "all"
# Seconds that JAX takes at most to connect the processes, which have met already, and to
# disconnect them at the end.
_JAX_TIMEOUT = 30
# Packages whose versions decide the results; Python and TensorFlow may differ between machines.
_SHARED_VERSIONS = ("cnnzoo", "keras", "jax", "jaxlib")


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


def process_count() -> int:
    """Return the number of processes that train one run; 1 if there is only this one."""
    jax = _jax()
    return 1 if jax is None else int(jax.process_count())


def is_first_process() -> bool:
    """Return whether this process writes the run: it is the only one, or process 0 of several."""
    jax = _jax()
    return jax is None or jax.process_index() == 0


@contextmanager
def all_processes(
    config: Config, device: str = "auto", run: Path | None = None, display: Display | None = None
) -> Iterator[Path | None]:
    """A context in which all processes of this training are connected, if it has several.

    Enter it before anything is computed. Yields None in the process that writes the run. Any other
    process writes to the yielded temporary directory, which has a copy of the run directory `run`
    under the same name and is removed when the process ends. Errors in the context name their
    process.

    Raises ConfigError if there are several processes but `training.devices` is not `all`, and
    DeviceError if they cannot connect.
    """
    scratch = _join(config, device, run, display)
    if not _is_connected():
        yield scratch
        return
    try:
        yield scratch
    except Interrupted as stop:
        disconnect()  # all of them stopped after the same step
        raise stop if scratch is None else type(stop)(f"{_name()} stopped with process 0") from stop
    except CnnzooError as error:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
        raise _named(error, scratch) from error
    disconnect()


def disconnect() -> None:
    """Disconnect from the other processes, once each of them has trained as far as this one."""
    if _is_connected():
        sys.modules["jax"].distributed.shutdown()


def exit_if_connected(code: int) -> None:
    """End this process if it is still connected to others: its training has failed.

    An ordinary end would wait for the others, which may have died, and then end with a stack trace
    of C++.
    """
    if _is_connected():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _join(config: Config, device: str, run: Path | None, display: Display | None) -> Path | None:
    """Connect the processes; return the directory of this one, or None if it writes the run."""
    training = config.training
    if training.devices != ALL:
        _check_alone(training, display)
        return None
    if not _is_connected():
        os.environ.setdefault("KERAS_BACKEND", "jax")
        # `gpu` is checked later: to list the GPUs would start JAX before it is connected.
        keras = load_keras("auto" if device == "gpu" else device)
        if keras.backend.backend() != "jax":
            return None  # `check_devices` raises
        processes = named_processes() or detected_processes(TIMEOUT)
        if processes is None or processes.count == 1:
            return None
        # Before they are connected: process 0 changes the run afterwards.
        scratch = None if processes.number == 0 else _scratch_directory(run)
        connect(processes, config)
        return scratch
    return None if is_first_process() else _scratch_directory(run)


def connect(processes: Processes, config: Config) -> None:
    """Connect the processes of a training; raises DeviceError if they cannot connect."""
    import jax

    facts = {name: text for name, text in versions().items() if name in _SHARED_VERSIONS}
    meet(processes, {**facts, "the configuration": config_hash(config)})
    try:
        jax.distributed.initialize(
            processes.address,
            processes.count,
            processes.number,
            local_device_ids=processes.gpus,
            cluster_detection_method="deactivate",
            initialization_timeout=_JAX_TIMEOUT,
            shutdown_timeout_seconds=_JAX_TIMEOUT,
        )
    except (RuntimeError, TypeError, ValueError) as error:
        raise DeviceError(
            f"{processes} cannot connect to the others: {first_line(error)}",
            hint="in Python, call cnnzoo.train before JAX computes anything",
        ) from error


def _jax() -> Any:
    """Return JAX if it is the backend of Keras, which was imported; else None."""
    keras = sys.modules.get("keras")
    return sys.modules["jax"] if keras and keras.backend.backend() == "jax" else None


def _is_connected() -> bool:
    jax = _jax()
    return jax is not None and bool(jax.distributed.is_initialized())


def _name() -> str:
    """The name of this process in messages."""
    return f"process {sys.modules['jax'].process_index()} on {socket.gethostname()}"


def _named(error: CnnzooError, scratch: Path | None) -> CnnzooError:
    """Return an error that names this process; its temporary directory is of no use to a person."""
    return type(error).of(
        replace(
            mistake,
            message=f"{_name()}: {mistake.message}",
            hint=None if scratch and str(scratch) in (mistake.hint or "") else mistake.hint,
        )
        for mistake in error.mistakes
    )


def _check_alone(training: TrainingConfig, display: Display | None) -> None:
    """Raise ConfigError, or show a note, if each of several processes would train alone."""
    if os.environ.get(ADDRESSES):
        raise ConfigError(
            f"{ADDRESSES} is set, but training.devices is {training.devices}: each process would "
            "train alone",
            place=training.place("devices"),
            hint=f"add training.devices=all, or unset {ADDRESSES}",
        )
    count, starter = started_together()
    if count > 1 and display is not None:
        display.note(
            f"{starter} started {count} processes, and each trains a run of its own; "
            "training.devices=all makes them train one run together"
        )


def _check_backend(training: TrainingConfig, backend: str) -> None:
    """Raise ConfigError for a backend that cannot train on several devices."""
    if backend != "jax":
        raise ConfigError(
            f"training.devices: all needs the backend jax, not {backend}",
            place=training.place("devices"),
            hint="set KERAS_BACKEND=jax, or omit training.devices",
        )


def _scratch_directory(run: Path | None) -> Path:
    directory = scratch_directory()
    if run:
        shutil.copytree(run, directory / run.name)
    return directory
