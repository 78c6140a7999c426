"""Evaluation of `model.params`, the variables of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnzoo.config.calls import shown
from cnnzoo.config.expressions import Expression, evaluate
from cnnzoo.config.located import key_place, value_place
from cnnzoo.config.notation import CallParser
from cnnzoo.config.variables import variable_problem
from cnnzoo.errors import ConfigError


def evaluate_params(value: Any) -> dict[str, Any]:
    """Return the values of `model.params`; an expression may use the parameters above it."""
    if not isinstance(value, dict):
        raise ValueError(f"must be a mapping, not {shown(value)}")
    params: dict[str, Any] = {}
    parser = CallParser(variables=params)
    for name, item in value.items():
        place = value_place(value, name)
        frozen = parser.plain(item, place)
        if problem := variable_problem(name):
            parser.wrong(f"the parameter {shown(name)} {problem}", key_place(value, name))
        elif not _is_param(frozen):
            parser.wrong(
                f"the parameter {name!r} must be a number, a string, true, false, or a list of "
                f"these, not {shown(item)}",
                place,
            )
        params[name] = frozen
    if parser.mistakes:
        raise ConfigError.of(parser.mistakes)
    for name, item in params.items():
        params[name] = evaluate_each(item, params)
    return params


def _is_param(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(not isinstance(item, tuple) and _is_param(item) for item in value)
    return isinstance(value, int | float | str | Expression)


def evaluate_each(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return a plain value, or a list, with its expressions evaluated."""
    if isinstance(value, tuple):
        return tuple(evaluate_each(item, variables) for item in value)
    return evaluate(value, variables) if isinstance(value, Expression) else value
