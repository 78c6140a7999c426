"""The hardware of a training: the backend, its processors and their memory.

`find_hardware` imports Keras' backend; decisions are plain functions of a `Hardware`.
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

# Memory limits of a container: version 2 and version 1 of control groups.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True, slots=True)
class Hardware:
    """The Keras backend and the hardware that it uses.

    `gpu` is the lowest compute capability of its GPUs, such as (8, 0), or None without a GPU;
    `cpu_flags` are the features of the CPU, as Linux names them; `memory` is in bytes, of one
    device, or None if unknown. `devices` is the number of devices of that kind, if the backend can
    use several.
    """

    backend: str
    gpu: tuple[int, int] | None = None
    cpu_flags: frozenset[str] = frozenset()
    memory: int | None = None
    devices: int = 1


def find_hardware() -> Hardware:
    """The hardware of the current Keras backend."""
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
    """The number of CPU devices; XLA_FLAGS=--xla_force_host_platform_device_count=N sets it."""
    return len(importlib.import_module("jax").devices()) if backend == "jax" else 1


def cpu_flags(path: Path = CPU_INFO) -> frozenset[str]:
    """The features of the CPU, such as `avx512_bf16`; empty if the system does not list them."""
    return frozenset(cpu_info("flags", path).split())


def main_memory(limits: tuple[Path, ...] = _LIMITS) -> int | None:
    """The bytes of memory that this process may use: those of the machine, or of its container.

    It is the total, not the free memory, so that decisions do not depend on other processes.
    """
    sizes = []
    with contextlib.suppress(AttributeError, OSError, ValueError):  # not on every system
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in limits:
        with contextlib.suppress(OSError, ValueError):  # "max" is not a number
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
    """The compute capability of a GPU; UNKNOWN if it is not NVIDIA's."""
    major, _, minor = str(getattr(device, "compute_capability", "")).partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else UNKNOWN


def _limit(device: Any) -> int | None:
    if device.process_index != importlib.import_module("jax").process_index():
        return None  # a device of another process
    return (device.memory_stats() or {}).get("bytes_limit")


def _gpus_of_torch() -> list[Gpu]:
    torch: Any = importlib.import_module("torch")
    return [
        (torch.cuda.get_device_capability(index), torch.cuda.mem_get_info(index)[1])
        for index in range(torch.cuda.device_count())
    ]


_GPUS = {"tensorflow": _gpus_of_tensorflow, "jax": _gpus_of_jax, "torch": _gpus_of_torch}
