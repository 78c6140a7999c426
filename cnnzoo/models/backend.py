"""Which Keras backend runs, and on which device. Keras is first imported here."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from cnnzoo.errors import DeviceError

DEVICES = ("auto", "cpu", "gpu")

# Whether Keras may start without what it imports only where it is there. A command may, and is
# faster for it (`scripts/benchmarks/imports.py`); whoever uses Keras in Python may want all of it.
LEAN: ContextVar[bool] = ContextVar("LEAN", default=False)
_OPTIONAL = ("pandas", "matplotlib", "sklearn")
_TENSORFLOW = "tensorflow"  # and this one, where it is not the backend


def load_keras(device: str = "auto") -> ModuleType:
    """Keras, imported on its backend; raises DeviceError where the device is not there.

    `KERAS_BACKEND` decides the backend; without it JAX is taken where JAX sees a GPU, otherwise
    TensorFlow. A Keras that is imported already stays as it is.
    """
    keras = sys.modules.get("keras") or _import_keras(device)
    if device == "gpu" and not keras.distribution.list_devices("gpu"):
        raise DeviceError(
            f"a GPU was asked for, but {keras.backend.backend()} sees none: {_why_no_gpu(keras)}",
            hint="leave --device away to train on what is there",
        )
    return keras


def _import_keras(device: str) -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what fails raises an exception too
    if device == "cpu":
        _hide_gpus()
    if "KERAS_BACKEND" not in os.environ:
        os.environ["KERAS_BACKEND"] = "jax" if _jax_sees_gpu() else _TENSORFLOW
    try:
        without = _not_needed()
        with no_native_notices(), _hidden(without):
            keras = importlib.import_module("keras")
            if _TENSORFLOW in without:
                # Keras looks for it when it seeds, and remembers whether it is there.
                keras.utils.set_random_seed(0)
            return keras
    except (ModuleNotFoundError, ValueError) as error:
        raise DeviceError(
            f"Keras cannot start on the backend {os.environ['KERAS_BACKEND']!r}: {error}",
            hint="install it, or set KERAS_BACKEND to tensorflow, jax or torch",
        ) from error


def _not_needed() -> tuple[str, ...]:
    if not LEAN.get():
        return ()
    if os.environ["KERAS_BACKEND"] == _TENSORFLOW:
        return _OPTIONAL
    return *_OPTIONAL, _TENSORFLOW


@contextmanager
def _hidden(packages: tuple[str, ...]) -> Iterator[None]:
    """Within, these packages seem not to be installed, unless they are imported already."""
    hidden = [package for package in packages if package not in sys.modules]
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    for package in hidden:
        modules[package] = None  # what Python takes for "there is none"
    try:
        yield
    finally:
        for package in hidden:
            del modules[package]


@contextmanager
def no_native_notices() -> Iterator[None]:
    """Discard what native code writes to standard error: notices of TensorFlow and LiteRT."""
    try:
        saved = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _hide_gpus() -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ["JAX_PLATFORMS"] = "cpu"


def _jax_sees_gpu() -> bool:
    # Importing jax takes a second, so that is left for machines that have both.
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "-1" or not _nvidia_driver():
        return False
    if find_spec("jax") is None:
        return False
    return any(device.platform == "gpu" for device in importlib.import_module("jax").devices())


def _nvidia_driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()


def _why_no_gpu(keras: ModuleType) -> str:
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides them"
    if not _nvidia_driver():
        return "this machine has no NVIDIA driver"
    return f"the installed {keras.backend.backend()} was not built for it"
