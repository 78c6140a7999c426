"""The connection to a Ray cluster: a running one, or a new one on this machine."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnzoo.errors import TrainingError, UserError
from cnnzoo.extras import require
from cnnzoo.models.objects import first_line
from cnnzoo.text import counted, shorten
from cnnzoo.training.processes import split_address

AUTO = "auto"
_SECONDS = 10  # to connect to an address
_JOINING_SECONDS = 15  # for machines that were started a moment ago
# Variables of this process that the workers on other machines need, too.
_PASSED = ("KERAS_BACKEND", "XLA_FLAGS", "JAX_PLATFORMS", "NCCL_SOCKET_IFNAME")


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of a cluster: how many there are, and the GPUs of each.

    `address` is HOST:PORT of a running cluster, `auto` for the one that runs on this machine, or
    None for a new one on this machine. `gpus` is None for one GPU each if there are enough.
    `storage` is the URL of a storage that replaces a shared disk.
    """

    count: int
    address: str | None = None
    gpus: int | None = None
    storage: str | None = None

    def options(self) -> str:
        """Return the options of the command line for these workers."""
        words = ["--cluster ray", f"--workers {self.count}"]
        if self.address is not None:
            words.append(f"--address {self.address}")
        if self.gpus is not None:
            words.append(f"--gpus-per-worker {self.gpus}")
        if self.storage is not None:
            words.append(f"--storage-path {self.storage}")
        return " ".join(words)


@contextmanager
def connected(workers: Workers, again: str) -> Iterator[Any]:
    """A context that is connected to Ray; yields the module `ray`.

    Raises UserError within 30 seconds if the cluster cannot be reached, has another version of Ray
    or Python, or has too few processors; and TrainingError if the cluster is lost, with `again`,
    the command that continues.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_TRAIN_ENABLE_PRINT_PATCH", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "error")  # it also prints what it logs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray, about its own dependencies
        ray = require("ray", "ray")
        require("ray.train", "ray")
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        _init(ray, workers)
        try:
            _check_resources(ray, workers)
            yield ray
        except ray.exceptions.RayError as error:
            raise TrainingError(
                f"the Ray cluster was lost: {shorten(first_line(error), 200)}",
                hint=f"when it runs again, continue: {again}",
            ) from error
        finally:
            ray.shutdown()


def gpus_of(ray: Any, workers: Workers) -> int:
    """Return the number of GPUs that each worker gets."""
    if workers.gpus is not None:
        return workers.gpus
    return 1 if ray.cluster_resources().get("GPU", 0) >= workers.count else 0


def environment(gpus: int, shared: bool = True) -> dict[str, str]:
    """Return the variables of the workers of one training; `shared` if they share a disk."""
    return {
        **passed_variables(shared),
        "KERAS_BACKEND": "jax",
        **({} if gpus else {"JAX_PLATFORMS": "cpu"}),
    }


def passed_variables(shared: bool = True) -> dict[str, str]:
    """Return the variables of this process that its workers need, too."""
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    if shared and (cache := os.environ.get("CNNZOO_CACHE")):
        passed["CNNZOO_CACHE"] = str(Path(cache).expanduser().absolute())
    return passed


def workers_text(ray: Any, count: int, gpus: int) -> str:
    """Return a line about the workers."""
    each = f"{counted(count, 'worker')} with {counted(gpus, 'GPU')} each"
    return f"{each}; their logs are in {logs_of(ray)}"


def logs_of(ray: Any) -> str:
    """Return the directory of the logs of the workers, on each of their machines."""
    root = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray"
    return str(root / ray.get_runtime_context().get_session_name() / "logs")


def _init(ray: Any, workers: Workers) -> None:
    options: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
        "configure_logging": False,
    }
    if workers.address is None:
        # Ray counts workers, not cores: several workers can share the cores of a laptop.
        cores = max(workers.count, os.cpu_count() or 1)
        options |= {"address": "local", "num_cpus": cores, "include_dashboard": False}
    else:
        _check_address(workers.address)
        options["address"] = workers.address
    try:
        ray.init(**options)
    except Exception as error:  # Ray raises errors of many kinds
        raise UserError(
            f"cannot connect to Ray at {workers.address or 'this machine'}: {first_line(error)}",
            hint=_hint(str(error)),
        ) from error


def _check_address(address: str) -> None:
    """Raise UserError if nothing answers at an address; Ray would try for minutes."""
    if address == AUTO:
        return
    hint = "give the address that `ray start --head` printed, such as --address 10.0.0.1:6379"
    host, port = split_address(address, "--address", hint)
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            pass
    except OSError as error:
        raise UserError(
            f"no Ray cluster answers at {address}: {error.strerror or error}", hint=hint
        ) from error


def _check_resources(ray: Any, workers: Workers) -> None:
    """Raise UserError if the cluster is too small; wait a moment for machines that join it."""
    deadline = time.monotonic() + (_JOINING_SECONDS if workers.address else 0)
    for name, each in (("CPU", 1), ("GPU", workers.gpus or 0)):
        needed = each * workers.count
        while (has := int(ray.cluster_resources().get(name, 0))) < needed:
            if time.monotonic() >= deadline:
                break
            time.sleep(0.5)
        if has < needed:
            raise UserError(
                f"{counted(workers.count, 'worker')} need {counted(needed, name)}, and the Ray "
                f"cluster has {has}",
                hint="use fewer --workers, or add machines to the cluster: ray start --address",
            )


def _hint(text: str) -> str:
    if "ersion" in text:
        return "install the same versions of Python and Ray on all machines"
    return (
        "start a cluster with `ray start --head`, or omit --address to use this machine; if it has "
        "token authentication, set RAY_AUTH_MODE=token and copy its ~/.ray/auth_token"
    )
