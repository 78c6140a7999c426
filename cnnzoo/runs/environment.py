"""The environment of a training for `run.json`: versions, machine, backend; and its changes."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import cnnzoo
from cnnzoo.config.flat import differing, flat
from cnnzoo.config.schema import Config

CPU_INFO = Path("/proc/cpuinfo")

# Keys that affect neither the weights nor the metrics of a run.
_NOT_HASHED = ("name", "description", "purpose", "reference", "sweep")
_NOT_HASHED_IN_TRAINING = ("checkpoint_every", "tensorboard", "mlflow")

_VERSIONED = ("keras", "tensorflow", "jax", "jaxlib", "torch", "numpy")
# Variables that set the threads and the instructions with which a backend computes.
_VARIABLES = (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_ENABLE_ONEDNN_OPTS",
    "XLA_FLAGS",
)


def versions() -> dict[str, str]:
    """The versions of Python, cnnzoo and the numerical libraries."""
    found = {"cnnzoo": cnnzoo.__version__, "python": platform.python_version()}
    for package in _VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine(keras: ModuleType) -> dict[str, Any]:
    """The system, its CPU and cores, and the backend with its devices."""
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
    """Return a field of the first core in Linux' cpuinfo, such as `model name`, or ""."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def config_hash(config: Config) -> str:
    """A digest of all values that affect the weights of a run."""
    plain = {key: value for key, value in config.plain().items() if key not in _NOT_HASHED}
    training = plain["training"]
    plain["training"] = {
        key: training[key] for key in training if key not in _NOT_HASHED_IN_TRAINING
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the versions and parts of the machine that differ in two records: `keras: 3 → 4`."""
    found = []
    for part in ("versions", "machine"):
        first, second = (flat(record.get(part, {})) for record in (before, now))
        for name in differing([first, second]):
            values = [each.get(name, "none").strip("'") for each in (first, second)]
            if "{}" not in values:  # an empty group of values
                found.append(f"{name}: {' → '.join(values)}")
    return found


def _usable_cores() -> int | None:
    # Those of a container or of taskset; backends start one thread for each.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
