"""Gradients of the scores of a model by its inputs, on the current backend."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.errors import DeviceError
from cnnzoo.models.backend import load_keras

Floats = NDArray[np.float32]

# inputs [n, …], weights [outputs] → scores [n], and the gradient [n, …] of each by its input
Gradient = Callable[[Floats, Floats], tuple[Floats, Floats]]


def score_gradient(model: Any) -> Gradient:
    """Return the function from inputs and weights to `model(inputs) @ weights` and its gradients.

    The model runs in inference mode, so each score depends on its own input only. Raises
    DeviceError on a backend that is not in BACKENDS.
    """
    backend = load_keras().backend.backend()
    if backend not in BACKENDS:
        raise DeviceError(
            f"gradients by the input are not supported on the backend {backend!r}",
            hint=f"set KERAS_BACKEND to {' or '.join(BACKENDS)}",
        )
    return BACKENDS[backend](model)


def _on_tensorflow(model: Any) -> Gradient:
    tensorflow = importlib.import_module("tensorflow")

    # A graph skips the gradients of the weights, which an eager tape always computes.
    @tensorflow.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def compiled(inputs: Any, weights: Any) -> tuple[Any, Any]:
        with tensorflow.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            scores = tensorflow.linalg.matvec(model(inputs, training=False), weights)
        return scores, tape.gradient(scores, inputs)

    def gradient(inputs: Floats, weights: Floats) -> tuple[Floats, Floats]:
        scores, gradients = compiled(tensorflow.constant(inputs), tensorflow.constant(weights))
        return scores.numpy(), gradients.numpy()

    return gradient


def _on_jax(model: Any) -> Gradient:
    jax = importlib.import_module("jax")

    def total(inputs: Any, weights: Any, variables: Any) -> tuple[Any, Any]:
        outputs, _ = model.stateless_call(*variables, inputs, training=False)
        scores = outputs @ weights
        return scores.sum(), scores

    compiled = jax.jit(jax.value_and_grad(total, has_aux=True))

    def gradient(inputs: Floats, weights: Floats) -> tuple[Floats, Floats]:
        # Variables are arguments: XLA would fold constants into the program. They are read each
        # time, since `predict_on_batch` gives their memory to the arrays that it returns.
        variables = [
            [variable.value for variable in group]
            for group in (model.trainable_variables, model.non_trainable_variables)
        ]
        (_, scores), gradients = compiled(inputs, weights, variables)
        return np.asarray(scores), np.asarray(gradients)

    return gradient


BACKENDS: dict[str, Callable[[Any], Gradient]] = {"tensorflow": _on_tensorflow, "jax": _on_jax}
