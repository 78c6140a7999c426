"""Describe the machine of a measurement: only facts that affect speed, no names, no paths."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cnnzoo.runs.environment import cpu_info
from cnnzoo.training.hardware import cpu_flags

PACKAGES = ("keras", "tensorflow", "jax", "torch", "numpy", "cnnzoo")
# CPU instructions that accelerate matrix products, as Linux names them.
FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")
_VERSIONS = """
import json
from importlib.metadata import PackageNotFoundError, version
def of(name):
    try: return version(name)
    except PackageNotFoundError: return None
print(json.dumps({"torch": of("torch")}))
"""


def describe(torch_python: str | None = None) -> dict[str, Any]:
    """Return the machine and the versions; that of PyTorch from its environment."""
    versions = {name: found for name in PACKAGES if (found := _version(name))}
    if torch_python:
        done = subprocess.run([torch_python, "-c", _VERSIONS], capture_output=True, check=True)
        versions |= json.loads(done.stdout)
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_info("model name") or platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "features": [flag for flag in FEATURES if flag in cpu_flags()],
        "memory_gb": _memory(),
        "gpu": _gpu(),
        "python": platform.python_version(),
        "versions": versions,
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def line(machine: dict[str, Any]) -> str:
    """Return the description as a paragraph of Markdown."""
    parts = [
        machine["system"],
        f"{machine['cores'] or os.cpu_count()} cores ({machine['cpu']}: "
        f"{', '.join(machine['features']) or 'features unknown'})",
        f"{machine['memory_gb']} GB" if machine["memory_gb"] else "",
        machine["gpu"] or "no GPU",
        f"Python {machine['python']}",
        *(f"{name} {number}" for name, number in machine["versions"].items()),
        f"load {machine['load']} at the start" if machine["load"] is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory() -> int | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9)
    except (AttributeError, OSError, ValueError):
        return None


def _gpu() -> str | None:
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    names = done.stdout.split("\n")
    return ", ".join(name.strip() for name in names if name.strip()) or None
