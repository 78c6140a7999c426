"""The variables of a compiled model and the attributes of callbacks ⇄ plain arrays and values.

Imported only after Keras is loaded.
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
FROZEN = "frozen"  # the group of the variables of the layers whose outputs are computed once

Values = Mapping[str, NDArray[Any]]
# The comparison of a callback. Choosing it negates `min_delta`, so it must not be chosen twice.
_COMPARISON = "monitor_op"


def values_of(compiled_model: Any) -> dict[str, NDArray[Any]]:
    """Copy every value that the next step depends on.

    These are the weights, the states of the random generators (which `model.save` omits), and the
    variables of the optimizer and of the metrics.
    """
    return {name: _value(variable) for name, variable in _variables(compiled_model, None).items()}


def frozen_values(base: Any) -> dict[str, NDArray[Any]]:
    """Copy the values of the frozen layers, which no step changes."""
    variables = _named_variables(FROZEN, base.variables)
    return {name: _value(variable) for name, variable in variables.items()}


def assign_values(compiled_model: Any, values: Values, base: Any = None) -> None:
    """Assign values to the variables; raises RunError if they are those of another model.

    `base` is the model of the frozen layers whose outputs are computed once, which the compiled
    model does not contain.
    """
    _assign(_variables(compiled_model, base), values)


def assign_group(group: str, model: Any, values: Values) -> None:
    """Assign the values of one group to the variables of a model, as `assign_values` does."""
    _assign(
        _named_variables(group, model.variables),
        {name: value for name, value in values.items() if name.startswith(f"{group}/")},
    )


def _assign(variables: Mapping[str, Any], values: Values) -> None:
    misfit = sorted(set(variables) ^ set(values)) or [
        name for name, variable in variables.items() if variable.shape != values[name].shape
    ]
    if misfit:
        raise RunError(
            f"the checkpoint does not fit the model: {misfit[0]}",
            hint="was it written by another version of cnnzoo or Keras? retrain the run",
        )
    for name, variable in variables.items():
        variable.assign(values[name])


def all_weights_finite(values: Values) -> bool:
    """Return whether all weights among the values of a model are finite."""
    weights = (value for name, value in values.items() if name.startswith(_MODEL))
    return all(np.isfinite(np.sum(weight, dtype=np.float64)) for weight in weights)


@contextmanager
def averaged(optimizer: Any) -> Iterator[None]:
    """A context in which weights are their moving averages, if the optimizer has `use_ema`.

    Afterwards they have their old values, to the last bit; `keras.callbacks.SwapEMAWeights` rounds.
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


def random_states_kept(compiled_model: Any) -> AbstractContextManager[None]:
    """A context after which the random generators have the states from before it.

    Some of Keras' random layers draw numbers outside of training too. A validation that is stopped
    and repeated would otherwise change the states twice.
    """
    weights = set(map(id, compiled_model.weights))
    return _kept([state for state in compiled_model.variables if id(state) not in weights])


@contextmanager
def _kept(variables: Sequence[Any]) -> Iterator[None]:
    before = [_value(variable) for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def attributes_of(callbacks: Sequence[Any]) -> list[dict[str, Any]]:
    """The attributes of each callback that are plain values or arrays."""
    return [
        {name: plain for name, value in vars(callback).items() if _is_plain(plain := _named(value))}
        for callback in callbacks
    ]


def assign_attributes(callbacks: Sequence[Any], attributes: Sequence[Mapping[str, Any]]) -> None:
    """Restore the attributes of the callbacks.

    Texts are settings of the configuration, not state, and `params` is set by Keras when a training
    starts: both are kept as they are.
    """
    for callback, saved in zip(callbacks, attributes, strict=True):
        current = vars(callback)
        for name, value in saved.items():
            if name == _COMPARISON and value:
                current[name] = getattr(keras.ops, value)
            elif name != "params" and not isinstance(current.get(name), str):
                current[name] = value


def _variables(compiled_model: Any, base: Any) -> dict[str, Any]:
    return {
        **_named_variables(_MODEL, compiled_model.variables),
        **_named_variables("optimizer", compiled_model.optimizer.variables),
        **_named_variables("metrics", compiled_model.metrics_variables),
        **_named_variables(FROZEN, base.variables if base else ()),
    }


def _named_variables(group: str, variables: Sequence[Any]) -> dict[str, Any]:
    return {f"{group}/{number}": variable for number, variable in enumerate(variables)}


def _value(variable: Any) -> NDArray[Any]:
    # A copy: the backend may return the memory that the next step writes to.
    return np.array(keras.ops.convert_to_numpy(variable))


def _named(value: Any) -> Any:
    """The name of a function of `keras.ops`; any other value unchanged."""
    name = getattr(value, "__name__", "")
    return name if name and getattr(keras.ops, name, None) is value else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))
    return value is None or isinstance(value, bool | int | float | str | np.ndarray | np.generic)
