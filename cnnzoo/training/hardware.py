"""What a training computes on: the backend, the kind of processor, and its memory.

`find_hardware` imports Keras' backend; what is decided from it are plain functions of a `Hardware`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnzoo.runs.environment import CPU_INFO, cpu_info

UNKNOWN = (0, 0)  # the compute capability of a GPU that is not NVIDIA's

# Where a container says how much memory it may use: version 2 of control groups, version 1.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True, slots=True)
class Hardware:
    """The Keras backend and what it computes on.

    `gpu` is the lowest compute capability of its GPUs, such as (8, 0), None where it uses none;
    `cpu_flags` are what the CPU says that it can do, as Linux names it; `memory` is in bytes, that
    of one device, None where nothing tells it. `devices` is how many there are of what it uses,
    where the backend can use several.
    """

    backend: str
    gpu: tuple[int, int] | None = None
    cpu_flags: frozenset[str] = frozenset()
    memory: int | None = None
    devices: int = 1


def find_hardware() -> Hardware:
    """The hardware of the backend that Keras runs on."""
    import keras

    backend = keras.backend.backend()
    gpus = _GPUS.get(backend, list)()
    if gpus:
        capability = min(capability for capability, _ in gpus)
        sizes = [memory for _, memory in gpus if memory]
        memory = min(sizes, default=None)
        return Hardware(backend, capability, memory=memory, devices=len(gpus))
    return Hardware(backend, None, cpu_flags(), main_memory(), _virtual_cpus(backend))


def _virtual_cpus(backend: str) -> int:
    """As XLA_FLAGS=--xla_force_host_platform_device_count=N makes them, for trying `devices`."""
    return len(importlib.import_module("jax").devices()) if backend == "jax" else 1


def cpu_flags(path: Path = CPU_INFO) -> frozenset[str]:
    """What the CPU can do, such as `avx512_bf16`; empty where the system does not say."""
    return frozenset(cpu_info("flags", path).split())


def main_memory(limits: tuple[Path, ...] = _LIMITS) -> int | None:
    """Bytes of memory that this process may use at most: the machine's, or its container's.

    Not those that are free now, which would make what is decided from it a matter of chance.
    """
    sizes = []
    with contextlib.suppress(AttributeError, OSError, ValueError):  # not on every system
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in limits:
        with contextlib.suppress(OSError, ValueError):  # "max" is no number
            sizes.append(int(path.read_text(encoding="ascii")))
    return min((size for size in sizes if size > 0), default=None)


Gpu = tuple[tuple[int, int], int | None]  # compute capability, bytes of memory


def _gpus_of_tensorflow() -> list[Gpu]:
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(device) for device in devices]
    return [(detail.get("compute_capability", UNKNOWN), None) for detail in details]


def _gpus_of_jax() -> list[Gpu]:
    import jax

    devices = [device for device in jax.devices() if device.platform == "gpu"]
    return [(_capability(device), _limit(device)) for device in devices]


def _capability(device: Any) -> tuple[int, int]:
    """Of a GPU that is not NVIDIA's, whose number means something else, UNKNOWN."""
    major, _, minor = str(getattr(device, "compute_capability", "")).partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else UNKNOWN


def _limit(device: Any) -> int | None:
    if device.process_index != importlib.import_module("jax").process_index():
        return None  # another process knows
    return (device.memory_stats() or {}).get("bytes_limit")


def _gpus_of_torch() -> list[Gpu]:
    torch: Any = importlib.import_module("torch")
    return [
        (torch.cuda.get_device_capability(index), torch.cuda.mem_get_info(index)[1])
        for index in range(torch.cuda.device_count())
    ]


_GPUS = {"tensorflow": _gpus_of_tensorflow, "jax": _gpus_of_jax, "torch": _gpus_of_torch}
