"""`$variables` and `${arithmetic}`: numbers that are known later than the text.

`$classes` is one variable; `${channels // 2}` takes + - * / // % ** and min, max, round over
variables and numbers, and nothing else.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cnnzoo.errors import ConfigError, Place, did_you_mean

MAX_LENGTH = 200
MAX_NUMBER = 10**15  # far above any size or count, and small enough to compute with at once

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "round": round}
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_ARITHMETIC = re.compile(r"\$\{(.*)\}", re.DOTALL)
_ALLOWED = "numbers, variables, + - * / // % **, min, max and round"


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as it was written, and where."""

    text: str
    place: Place | None = None

    def __str__(self) -> str:
        return self.text


def is_expression(value: object) -> bool:
    """Whether a plain value is written as an expression."""
    return isinstance(value, str) and value.startswith("$")


def parse_expression(text: str, place: Place | None = None) -> Expression:
    """The expression written as `$name` or `${arithmetic}`; or ConfigError."""
    expression = Expression(text, place)
    for node in ast.walk(_tree(expression)):
        if not _is_allowed(node):
            raise ConfigError(
                f"{text} cannot be computed", place=place, hint=f"it may hold {_ALLOWED}"
            )
    return expression


def evaluate(expression: Expression, variables: Mapping[str, Any]) -> Any:
    """The value of an expression; a lone `$name` may hold any value, arithmetic only numbers."""
    lone = _VARIABLE.fullmatch(expression.text)
    if lone:
        return _variable(lone[1], variables, expression)
    try:
        return _compute(_tree(expression), variables, expression)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise _cannot(expression, str(error)) from None


def variables_of(expression: Expression) -> set[str]:
    """The names of the variables that an expression uses."""
    names = {node.id for node in ast.walk(_tree(expression)) if isinstance(node, ast.Name)}
    return names - set(_FUNCTIONS)


def _tree(expression: Expression) -> ast.expr:
    lone = _VARIABLE.fullmatch(expression.text)
    arithmetic = _ARITHMETIC.fullmatch(expression.text)
    if len(expression.text) > MAX_LENGTH:
        raise _cannot(expression, f"it is longer than {MAX_LENGTH} characters")
    if not lone and not arithmetic:
        raise ConfigError(
            f"{expression.text!r} is not an expression",
            place=expression.place,
            hint="write $name for a variable and ${name * 2} for arithmetic",
        )
    try:
        body = lone[1] if lone else arithmetic[1].strip() if arithmetic else ""
        return ast.parse(body, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConfigError(
            f"{expression.text} is not arithmetic",
            place=expression.place,
            hint=f"it may hold {_ALLOWED}",
        ) from None


def _is_allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS and not node.keywords
    if isinstance(node, ast.BinOp | ast.UnaryOp):
        return type(node.op) in _OPERATORS
    return isinstance(node, ast.Name | ast.expr_context | ast.operator | ast.unaryop)


def _compute(node: ast.expr, variables: Mapping[str, Any], expression: Expression) -> Any:
    def compute(child: ast.expr) -> Any:
        return _compute(child, variables, expression)

    match node:
        case ast.Constant(value=value):
            return _bounded(value)
        case ast.Name(id=name):
            value = _variable(name, variables, expression)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"{name} is {value!r}, not a number")
            return value
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](compute(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base, exponent = compute(left), compute(right)
            if abs(exponent) > 64:
                raise ValueError("the exponent is larger than 64")
            return _bounded(base**exponent)
        case ast.BinOp(left=left, op=op, right=right):
            return _bounded(_OPERATORS[type(op)](compute(left), compute(right)))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _bounded(_FUNCTIONS[name](*map(compute, arguments)))
    raise TypeError(f"it may hold {_ALLOWED}")


def _bounded(value: Any) -> Any:
    if isinstance(value, complex) or not math.isfinite(value) or abs(value) > MAX_NUMBER:
        raise ValueError("a number in it is out of range")
    return value


def _variable(name: str, variables: Mapping[str, Any], expression: Expression) -> Any:
    if name not in variables:
        known = ", ".join(f"${known}" for known in sorted(variables))
        raise ConfigError(
            f"there is no variable ${name} here{did_you_mean(name, variables)}",
            place=expression.place,
            hint=f"known here: {known}" if known else "no variable is known here",
        )
    return variables[name]


def _cannot(expression: Expression, why: str) -> ConfigError:
    return ConfigError(f"{expression.text} cannot be computed: {why}", place=expression.place)
