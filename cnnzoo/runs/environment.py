"""What a training ran on: versions, machine, backend, for `run.json`; and what differs in two."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import cnnzoo
from cnnzoo.config.schema import Config

CPU_INFO = Path("/proc/cpuinfo")

# What decides nothing of the weights and the metrics of a run.
_SAYS_NOTHING = ("name", "description", "reference")
_WATCHES = ("checkpoint_every", "tensorboard", "mlflow")

_VERSIONED = ("keras", "tensorflow", "jax", "jaxlib", "torch", "numpy")
# They decide on how many threads, and with which instructions, a backend computes.
_VARIABLES = (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_ENABLE_ONEDNN_OPTS",
    "XLA_FLAGS",
)


def versions() -> dict[str, str]:
    """The versions of Python, cnnzoo and what computes."""
    found = {"cnnzoo": cnnzoo.__version__, "python": platform.python_version()}
    for package in _VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine(keras: ModuleType) -> dict[str, Any]:
    """The system, its CPU and cores, and the backend with the devices that it sees."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_info("model name") or platform.processor(),
        "cores": os.cpu_count(),
        "usable_cores": _usable_cores(),
        "threads": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "backend": keras.backend.backend(),
        "devices": keras.distribution.list_devices(),
    }


def cpu_info(key: str, path: Path = CPU_INFO) -> str:
    """What Linux says of the first core, such as its `model name`; empty where it says nothing."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def config_hash(config: Config) -> str:
    """A digest of all that decides the weights of a run: equal recipes have equal ones."""
    plain = {key: value for key, value in config.plain().items() if key not in _SAYS_NOTHING}
    training = plain["training"]
    plain["training"] = {key: training[key] for key in training if key not in _WATCHES}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What of the versions and the machine in two records is not the same, each in a few words."""
    found = []
    for part in ("versions", "machine"):
        first, second = _flat(before.get(part, {})), _flat(now.get(part, {}))
        for name in dict.fromkeys([*first, *second]):
            if first.get(name) != second.get(name):
                found.append(f"{name}: {first.get(name, 'none')} → {second.get(name, 'none')}")
    return found


def _flat(values: Mapping[str, Any]) -> dict[str, str]:
    return dict(_leaves(values))


def _leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value)
        else:
            yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _usable_cores() -> int | None:
    # Of a container, or of taskset: backends take one thread for each.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
