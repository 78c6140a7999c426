"""Limits of the hardware: the speed of a large matrix product, and the peak memory."""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

import numpy as np

from cnnzoo.models.backend import load_keras
from cnnzoo.training.hardware import Hardware

# On a GPU several products are queued before the result is read, which takes longer than they do.
_SIZES = {"cpu": (2048, 4096), "gpu": (8192,)}
_PRODUCTS = {"cpu": 1, "gpu": 10}
_REPEATS = 3


def matrix_peak(policy: str, hardware: Hardware) -> float:
    """FLOP/s of the fastest of several large matrix products, in the compute dtype of a policy.

    `policy` is the name of a Keras dtype policy. A product of two n x n matrices has 2 n^3
    floating-point operations.
    """
    keras = load_keras()
    kind = "gpu" if hardware.gpu else "cpu"
    dtype = keras.DTypePolicy(policy).compute_dtype
    fastest = 0.0
    for size in _SIZES[kind]:
        # With this standard deviation, repeated products neither vanish nor overflow.
        values = np.random.default_rng(0).normal(0, size**-0.5, (size, size)).astype(np.float32)
        matrix = keras.ops.cast(values, dtype)
        for turn in range(_REPEATS + 1):
            began = time.perf_counter()
            product = matrix
            for _ in range(_PRODUCTS[kind]):
                product = keras.ops.matmul(product, matrix)
            float(keras.ops.cast(product[0, 0], "float32"))  # waits for the result
            seconds = time.perf_counter() - began
            if turn:  # the first turn may compile
                fastest = max(fastest, 2 * size**3 * _PRODUCTS[kind] / seconds)
    return fastest


def peak_memory(hardware: Hardware) -> int | None:
    """The largest number of bytes in use so far; None if the backend does not report it.

    It is that of the first GPU, or without a GPU of this process in main memory.
    """
    if hardware.gpu:
        return _ON_GPU[hardware.backend]()
    try:
        resource = importlib.import_module("resource")
    except ModuleNotFoundError:  # not on Windows
        return None
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(kilobytes) * (1 if sys.platform == "darwin" else 1024)


def _of_tensorflow() -> int | None:
    import tensorflow as tf

    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def _of_jax() -> int | None:
    import jax

    statistics = jax.devices()[0].memory_stats() or {}
    return statistics.get("peak_bytes_in_use")


def _of_torch() -> int | None:
    torch: Any = importlib.import_module("torch")
    return int(torch.cuda.max_memory_allocated())


_ON_GPU = {"tensorflow": _of_tensorflow, "jax": _of_jax, "torch": _of_torch}
