"""The import of Keras: its backend, its device and its global settings."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from cnnzoo.errors import DeviceError
from cnnzoo.text import joined

DEVICES = ("auto", "cpu", "gpu")

# True if Keras may start without its optional imports. Commands start faster without them
# (`scripts/benchmarks/imports.py`); a Python program may need them.
LEAN: ContextVar[bool] = ContextVar("LEAN", default=False)
_OPTIONAL = ("pandas", "matplotlib", "sklearn")
_TENSORFLOW = "tensorflow"  # optional too, unless it is the backend
_BY_TENSORFLOW = ("jax", "scipy")  # what TensorFlow imports if it is installed

# Keras' global settings that cnnzoo depends on, with Keras' own defaults. ~/.keras/keras.json and
# the process can change them, and with them the result of a training.
SETTINGS = {"floatx": "float32", "epsilon": 1e-07, "image_data_format": "channels_last"}
# Limits of fit, evaluate and predict that environment variables can set.
_LIMITS = ("max_epochs", "max_steps_per_epoch")


def load_keras(device: str = "auto") -> ModuleType:
    """Import Keras on its backend, with its global settings at Keras' defaults (SETTINGS).

    `KERAS_BACKEND` decides the backend; without it, it is JAX if JAX sees a GPU, otherwise
    TensorFlow. If Keras is already imported, its backend and device stay; other settings than the
    defaults are replaced with a warning. Raises DeviceError if the device is not available.
    """
    keras = sys.modules.get("keras")
    if keras is None:
        keras = _import_keras(device)
        _use_defaults(keras)
        keras.config.set_dtype_policy(SETTINGS["floatx"])
    elif changed := _use_defaults(keras):
        warnings.warn(f"cnnzoo set Keras' {changed} back to the default", stacklevel=2)
    if device == "gpu" and not keras.distribution.list_devices("gpu"):
        raise DeviceError(
            f"{keras.backend.backend()} finds no GPU: {_why_no_gpu(keras)}",
            hint="omit --device to use the available device",
        )
    return keras


def _import_keras(device: str) -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # failures raise exceptions too
    # TensorFlow uses oneDNN by itself only on newer CPUs. Without it, one with AVX2 trained at 0.42
    # to 0.67 of the speed (`scripts/benchmark kernels`).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ["KERAS_NNX_ENABLED"] = "false"  # variables of Flax are trained in another way
    if device == "cpu":
        _hide_gpus()
    if "KERAS_BACKEND" not in os.environ:
        os.environ["KERAS_BACKEND"] = "jax" if _jax_sees_gpu() else _TENSORFLOW
    try:
        without = _not_needed()
        with no_native_notices(), _hidden(without), _uncollected():
            keras = importlib.import_module("keras")
            if _TENSORFLOW in without:
                # Keras looks for it when it seeds, and remembers whether it is there.
                keras.utils.set_random_seed(0)
            return keras
    except ModuleNotFoundError as error:
        raise DeviceError(
            f"Keras cannot start on the backend {os.environ['KERAS_BACKEND']!r}: {error}",
            hint="install it, or set KERAS_BACKEND to tensorflow, jax or torch",
        ) from error
    except (AttributeError, TypeError, ValueError) as error:  # of keras.json and KERAS_… variables
        raise DeviceError(
            f"Keras cannot start on the backend {os.environ['KERAS_BACKEND']!r}: {error}",
            hint="set KERAS_BACKEND to tensorflow, jax or torch, and check the variables KERAS_… "
            "and keras.json, which is in ~/.keras or KERAS_HOME",
        ) from error


def _use_defaults(keras: ModuleType) -> str:
    """Set Keras' global settings; return those that had another value."""
    defaults = SETTINGS | {name: None for name in _LIMITS if hasattr(keras.config, name)}
    changed = [name for name, value in defaults.items() if getattr(keras.config, name)() != value]
    for name in changed:
        getattr(keras.config, f"set_{name}")(defaults[name])
    return joined(changed)


def _not_needed() -> tuple[str, ...]:
    if not LEAN.get():
        return ()
    if os.environ["KERAS_BACKEND"] == _TENSORFLOW:
        return *_OPTIONAL, *_BY_TENSORFLOW
    return *_OPTIONAL, _TENSORFLOW


@contextmanager
def _hidden(packages: tuple[str, ...]) -> Iterator[None]:
    """Make packages seem not installed, unless they are already imported."""
    hidden = [package for package in packages if package not in sys.modules]
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    for package in hidden:
        modules[package] = None  # Python then raises ModuleNotFoundError
    try:
        yield
    finally:
        for package in hidden:
            del modules[package]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pause Python's garbage collection, which finds nothing in modules that are imported.

    `scripts/benchmarks/imports.py` measures its time. In a command, later collections skip the
    objects of the modules, which live until it ends.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if LEAN.get():
            gc.freeze()
        if was_enabled:
            gc.enable()


@contextmanager
def no_native_notices() -> Iterator[None]:
    """Discard what native code writes to standard error: notices of TensorFlow and LiteRT."""
    try:
        saved = os.dup(2)
    except OSError:  # standard error is closed
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


@contextmanager
def without_retracing_warnings() -> Iterator[None]:
    """A context without the warning of TensorFlow about many models in one process."""
    logger = logging.getLogger("tensorflow")
    logger.addFilter(_no_retracing)
    try:
        yield
    finally:
        logger.removeFilter(_no_retracing)


def _no_retracing(record: logging.LogRecord) -> bool:
    return "retracing" not in record.getMessage()


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
