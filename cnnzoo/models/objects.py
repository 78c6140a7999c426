"""Make the Keras object of a Call; shorten the messages of Keras' errors."""

from __future__ import annotations

import re
from typing import Any

from cnnzoo.config.calls import Call
from cnnzoo.errors import ConfigError
from cnnzoo.models.backend import load_keras

# Namespaces of the catalogue that have another name in Keras.
_MODULES = {"schedules": "optimizers.schedules"}

# Styles, and the places in TensorFlow's graph.
_NOISE = re.compile(r"\x1b\[[0-9;]*m|\{\{[^}]*\}\} ?|\[\[[^]]*\]\]|\[Op:[^]]*\]( name: )?")
# Lines around the cause of a failure, as TensorFlow and Keras write them.
_FRAMES = re.compile(
    r"Graph execution error|Detected at node|Exception encountered when calling|<stack traces"
    r"|File \"|Traceback|\d+ root error|\(\d+\) \w+:\s*Graph execution|.*\(most recent call last\)"
)


def make(call: Call, **extra: Any) -> Any:
    """Return the Keras object of a call without expressions; `extra` are more arguments.

    Raises ConfigError with Keras' message if Keras refuses the arguments.
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
    """Return the first line of another library's error that tells the cause."""
    text = _NOISE.sub("", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if not _FRAMES.match(line)]
    return (telling or lines or [type(error).__name__])[0]


def _argument(value: Any) -> Any:
    return make(value) if isinstance(value, Call) else value
