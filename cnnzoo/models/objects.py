"""A Call → the Keras object that it names."""

from __future__ import annotations

from typing import Any

from cnnzoo.config.calls import Call
from cnnzoo.errors import ConfigError
from cnnzoo.models.backend import load_keras

# Where each namespace of the catalogue lives in Keras.
_MODULES = {"schedules": "optimizers.schedules"}


def make(call: Call, **extra: Any) -> Any:
    """The Keras object of a call whose expressions are evaluated; `extra` are more arguments.

    Raises ConfigError with Keras' own words where Keras refuses the arguments.
    """
    home: Any = load_keras()
    for part in _MODULES.get(call.namespace, call.namespace).split("."):
        home = getattr(home, part)
    arguments = {name: _argument(value) for name, value in call.arguments.items()}
    try:
        return getattr(home, call.name)(**arguments, **extra)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"Keras refuses {call.name} with these arguments: {first_line(error)}",
            place=call.place,
        ) from error


def first_line(error: Exception) -> str:
    """What an error of another library says first."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _argument(value: Any) -> Any:
    return make(value) if isinstance(value, Call) else value
