"""Names of variables: those that cnnzoo sets, and the rules for those of a file."""

from __future__ import annotations

import keyword
import re
from typing import Any

# Variables that cnnzoo sets; a parameter of the same name would hide them.
SHAPE_VARIABLES = ("height", "width", "channels", "length", "features")
REPEAT_VARIABLES = ("index", "count", "total")
TRAINING_VARIABLES = ("steps", "steps_per_epoch", "epochs", "batch_size")
RESERVED_VARIABLES = ("classes", *REPEAT_VARIABLES, *SHAPE_VARIABLES, *TRAINING_VARIABLES)
VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_]*")


def variable_problem(name: Any) -> str | None:
    """Return why a name cannot be a variable of a file, or None if it can."""
    if not isinstance(name, str) or not VARIABLE_NAME.fullmatch(name):
        return "must be a word in lower case"
    if name in RESERVED_VARIABLES:
        return f"would hide the variable ${name}; choose another name"
    if keyword.iskeyword(name) or name in ("true", "false"):
        return "has a meaning in expressions; choose another name"
    return None
