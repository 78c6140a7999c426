"""Variables that Keras records without allocating them, so that their size is known first.

In a `keras.StatelessScope`, Keras keeps new variables in a list, and makes their values when the
next scope ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from cnnzoo.models.backend import load_keras

_NAME = "uninitialized_variables"


@contextmanager
def pending_variables(*, initialize: bool = False) -> Iterator[Any]:
    """Yield a StatelessScope in which variables are recorded only.

    Without an error, `initialize` gives them their initial values afterwards; otherwise they are
    forgotten, and their layers can only be asked for shapes.
    """
    scopes = load_keras().StatelessScope
    try:
        with scopes(initialize_variables=False) as scope:
            yield scope
        if initialize:
            with scopes():
                pass  # its end initializes what is recorded
    finally:
        _state().set_global_attribute(_NAME, [])


def recorded() -> list[Any]:
    """Return the variables that are recorded."""
    return list(_state().get_global_attribute(_NAME) or [])


def _state() -> Any:
    return import_module("keras.src.backend.common.global_state")
