"""The names of variables: those that cnnzoo sets, and what the others may be called."""

from __future__ import annotations

import keyword
import re
from typing import Any

# Variables that cnnzoo sets; a parameter of the same name would hide them.
SHAPE_VARIABLES = ("height", "width", "channels")
TRAINING_VARIABLES = ("steps", "steps_per_epoch", "epochs", "batch_size")
RESERVED_VARIABLES = ("classes", "index", *SHAPE_VARIABLES, *TRAINING_VARIABLES)
VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_]*")


def variable_problem(name: Any) -> str | None:
    """Why a name cannot be a variable of the file's own, or None where it can."""
    if not isinstance(name, str) or not VARIABLE_NAME.fullmatch(name):
        return "must be a word in lower case"
    if name in RESERVED_VARIABLES:
        return f"would hide the variable ${name}; choose another name"
    if keyword.iskeyword(name):
        return "is a word that arithmetic cannot hold; choose another name"
    return None
