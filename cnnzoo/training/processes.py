"""The processes that train one run together: their number, and the address of process 0.

Keras' variables name them: KERAS_DISTRIBUTION_JOB_ADDRESSES=HOST:PORT, an address of process 0 that
all can reach, KERAS_DISTRIBUTION_NUM_PROCESSES=N, and in each process its own
KERAS_DISTRIBUTION_PROCESS_ID, from 0. Without them, JAX detects what started the processes: SLURM,
Open MPI, Kubernetes, or a TPU pod.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from cnnzoo.errors import DeviceError
from cnnzoo.models.objects import first_line

ADDRESSES = "KERAS_DISTRIBUTION_JOB_ADDRESSES"
COUNT = "KERAS_DISTRIBUTION_NUM_PROCESSES"
NUMBER = "KERAS_DISTRIBUTION_PROCESS_ID"
_HINT = f"set {ADDRESSES}=HOST:PORT, {COUNT}=N and, in each process its own, {NUMBER}=0 to N-1"

# Variables of SLURM and Open MPI with the number of processes that they started together.
_STARTED = {"SLURM_STEP_NUM_TASKS": "SLURM", "OMPI_COMM_WORLD_SIZE": "Open MPI"}
_GPUS = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of one training, as one of them sees them.

    `host` and `port` are those of process 0, `number` is this process, from 0 to `count` - 1.
    `gpus` are the numbers of the GPUs that it uses; None for all that it sees.
    """

    host: str
    port: int
    count: int
    number: int
    gpus: tuple[int, ...] | None = None

    @property
    def address(self) -> str:
        """HOST:PORT of process 0."""
        return f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"process {self.number} of {self.count}"


def named_processes() -> Processes | None:
    """Return the processes that Keras' variables name, or None; raise DeviceError for wrong values.

    The first of several addresses is that of process 0.
    """
    if not (addresses := os.environ.get(ADDRESSES)):
        return None
    count, number = _number(COUNT), _number(NUMBER)
    if number >= count:
        raise DeviceError(f"{NUMBER} is {number}, but {COUNT} is {count}", hint=_HINT)
    host, port = split_address(addresses.partition(",")[0], ADDRESSES, _HINT)
    return Processes(host, port, count, number)


def detected_processes(timeout: int) -> Processes | None:
    """Return the processes that JAX detects; None if this one was started alone.

    Raises DeviceError if what started them does not answer within `timeout` seconds.
    """
    # What `jax.distributed.initialize` calls; its own choice of GPUs does not suit nodes on which
    # one process uses all of them.
    from jax._src.clusters import ClusterEnv

    try:
        environment = next(
            (each for each in _detectable(ClusterEnv) if each.is_env_present()), None
        )
        if environment is None or (count := environment.get_process_count()) == 1:
            return None
        port = os.environ.get("JAX_COORDINATOR_PORT")
        address = environment.get_coordinator_address(timeout, port)
        number, local = environment.get_process_id(), environment.get_local_process_id()
    except Exception as error:  # each has errors of its own
        raise DeviceError(
            f"the processes of this training cannot be detected: {first_line(error)}", hint=_HINT
        ) from error
    host, port_number = split_address(address, "the address of process 0", _HINT)
    return Processes(host, port_number, count, number, gpus_of(local))


def started_together() -> tuple[int, str]:
    """Return the number of processes that were started with this one, and by what; 1 if alone."""
    for variable, name in _STARTED.items():
        if (value := os.environ.get(variable, "")).isdecimal() and int(value) > 1:
            return int(value), name
    return 1, ""


def gpus_of(local: int | None) -> tuple[int, ...] | None:
    """Return the GPUs of the process with this number on its machine; None for all that it sees.

    One process on a machine uses all GPUs, and so does one for which SLURM selected a GPU.
    """
    visible = next((os.environ[name] for name in _GPUS if name in os.environ), None)
    if local is None or _on_this_machine() == 1 or (visible and "," not in visible):
        return None
    return (local,)


def split_address(text: str, what: str, hint: str) -> tuple[str, int]:
    """Return the host and port of HOST:PORT, or of [IPV6]:PORT; raise DeviceError."""
    match = re.fullmatch(r"\[?([^\[\]/\s]+)\]?:(\d{1,5})", text.strip())
    if not match or not 0 < int(match[2]) < 2**16:
        raise DeviceError(f"{what} is {text!r}, not HOST:PORT", hint=hint)
    return match[1], int(match[2])


def _detectable(environments: Any) -> list[Any]:
    kinds: list[Any] = getattr(environments, "_cluster_types", [])
    return [kind for kind in kinds if not getattr(kind, "opt_in_only_method", False)]


def _on_this_machine() -> int | None:
    """Return how many of the processes run on this machine, if that is known."""
    if (size := os.environ.get("OMPI_COMM_WORLD_LOCAL_SIZE", "")).isdecimal():
        return int(size)
    node = os.environ.get("SLURM_NODEID", "")
    tasks = _expanded(os.environ.get("SLURM_STEP_TASKS_PER_NODE", ""))
    return tasks[int(node)] if node.isdecimal() and int(node) < len(tasks) else None


def _expanded(text: str) -> list[int]:
    """Return the numbers of `2(x3),1`, as SLURM writes 2, 2, 2, 1."""
    found: list[int] = []
    for number, times in re.findall(r"(\d+)(?:\(x(\d+)\))?", text):
        found += [int(number)] * min(int(times or 1), 2**16)
    return found


def _number(name: str) -> int:
    value = os.environ.get(name)
    if value is None or not value.isdecimal():
        raise DeviceError(
            f"{name} is not set" if value is None else f"{name} is {value!r}, not a number",
            hint=_HINT,
        )
    return int(value)
