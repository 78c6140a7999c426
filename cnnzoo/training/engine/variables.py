"""The variables of a compiled model and the attributes of callbacks ⇄ plain arrays and values.

Imported only where Keras is already loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from cnnzoo.errors import RunError

_MODEL = "model"
# How a callback compares. It turns `min_delta` round when it chooses that, so it must not choose
# a second time.
_COMPARISON = "monitor_op"


def values_of(around: Any) -> dict[str, NDArray[Any]]:
    """A copy of every value that the next step depends on.

    They are the weights, the states of the random generators (which `model.save` leaves out), and
    the variables of the optimizer and of the metrics.
    """
    return {name: _value(variable) for name, variable in _variables(around).items()}


def assign_values(around: Any, values: Mapping[str, NDArray[Any]]) -> None:
    """Give the variables these values; raises RunError where they are those of another model."""
    variables = _variables(around)
    misfit = sorted(set(variables) ^ set(values)) or [
        name for name, variable in variables.items() if variable.shape != values[name].shape
    ]
    if misfit:
        raise RunError(
            f"the checkpoint does not fit the model: {misfit[0]}",
            hint="was it written by another version of cnnzoo or Keras? train the run again",
        )
    for name, variable in variables.items():
        variable.assign(values[name])


def weights_are_finite(values: Mapping[str, NDArray[Any]]) -> bool:
    """Whether every weight among the values of a model is a number."""
    weights = (value for name, value in values.items() if name.startswith(_MODEL))
    return all(np.isfinite(np.sum(weight, dtype=np.float64)) for weight in weights)


@contextmanager
def averaged(optimizer: Any) -> Iterator[None]:
    """Within, weights are their moving averages, where the optimizer keeps some (`use_ema`).

    Afterwards they are what they were, to the last bit; `keras.callbacks.SwapEMAWeights` rounds.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    pairs = []
    if getattr(inner, "use_ema", False):
        both = zip(inner._trainable_variables, inner._model_variables_moving_average, strict=True)
        pairs = [(weight, average) for weight, average in both if average is not None]
    with _kept([weight for weight, _ in pairs]):
        for weight, average in pairs:
            weight.assign(_value(average))
        yield


def random_states_kept(around: Any) -> AbstractContextManager[None]:
    """Afterwards, the random generators go on as if nothing had been drawn within.

    Some of Keras' random layers draw outside of training too. A validation that is abandoned and
    repeated would leave other states than one that is not.
    """
    weights = set(map(id, around.weights))
    return _kept([state for state in around.variables if id(state) not in weights])


@contextmanager
def _kept(variables: Sequence[Any]) -> Iterator[None]:
    before = [_value(variable) for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def attributes_of(callbacks: Sequence[Any]) -> list[dict[str, Any]]:
    """What each callback remembers, of plain values and arrays."""
    return [
        {name: plain for name, value in vars(callback).items() if _is_plain(plain := _named(value))}
        for callback in callbacks
    ]


def assign_attributes(callbacks: Sequence[Any], attributes: Sequence[Mapping[str, Any]]) -> None:
    """Let each callback remember these values."""
    for callback, remembered in zip(callbacks, attributes, strict=True):
        known = {**remembered}
        # Set by Keras when a training begins: these are of the one that begins now.
        known.pop("params", None)
        if known.get(_COMPARISON):
            known[_COMPARISON] = getattr(keras.ops, known[_COMPARISON])
        vars(callback).update(known)


def _variables(around: Any) -> dict[str, Any]:
    groups = {
        _MODEL: around.variables,
        "optimizer": around.optimizer.variables,
        "metrics": around.metrics_variables,
    }
    return {
        f"{group}/{number}": variable
        for group, variables in groups.items()
        for number, variable in enumerate(variables)
    }


def _value(variable: Any) -> NDArray[Any]:
    # A copy: what the backend gives may be the memory that the next step writes to.
    return np.array(keras.ops.convert_to_numpy(variable))


def _named(value: Any) -> Any:
    """The name of a function of `keras.ops`; any other value as it is."""
    name = getattr(value, "__name__", "")
    return name if name and getattr(keras.ops, name, None) is value else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))
    return value is None or isinstance(value, bool | int | float | str | np.ndarray | np.generic)
