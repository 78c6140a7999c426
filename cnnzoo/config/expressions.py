"""`$variables` and `${expressions}`: values that are computed after the file is read.

`$classes` is one variable. `${channels // 2}` computes with + - * / // % ** and min, max, round.
`${index > 0 and filters != channels}` compares, `${2 if index == 0 else 1}` chooses. Text in quotes
and true and false may be compared. An expression cannot contain anything else.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cnnzoo.errors import ConfigError, Mistake, Place, nearest
from cnnzoo.text import listed, shorten

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
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_CONSTANTS = {"true": True, "false": False}


def _round(number: float, digits: int = 0) -> float:
    """Round as Python does, to at most 15 digits, because they become a power of ten."""
    if abs(digits) > 15:
        raise ValueError("round takes at most 15 digits")
    return round(number, digits) if digits else round(number)


_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "round": _round}
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_ARITHMETIC = re.compile(r"\$\{(.*)\}", re.DOTALL)
_ALLOWED = (
    "numbers, variables, + - * / // % **, min, max, round, == != < <= > >=, and, or, not, "
    "and A if CONDITION else B"
)
_LISTED = 12  # variables in a hint

_NOT_AN_IMAGE = "the input here is not an image; a block can receive it as a parameter"
_NOT_A_SEQUENCE = "the input here is not a sequence; Reshape: [[-1, $channels]] makes one"

# Scopes of the variables that cnnzoo sets.
_WHERE = {
    "classes": "set model.classes, or name data, whose classes are counted",
    "index": "$index counts the iterations of a repeat; it is known inside one",
    "count": "$count counts the iterations of nested repeats; it is known inside a repeat",
    "total": "$total is the number of iterations of nested repeats; it is known inside a repeat",
    "height": f"$height: {_NOT_AN_IMAGE}",
    "width": f"$width: {_NOT_AN_IMAGE}",
    "length": f"$length: {_NOT_A_SEQUENCE}",
    "features": "$features is known in layers",
    "channels": "$channels is known in layers",
    **dict.fromkeys(
        ("steps", "steps_per_epoch", "epochs", "batch_size"),
        "it is known in training only: the optimizer may use it, layers may not",
    ),
}


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as it was written, with its place in the file."""

    text: str
    place: Place | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.text


def is_expression(value: object) -> bool:
    """Return whether a plain value is written as an expression."""
    return isinstance(value, str) and value.startswith("$")


def parse_expression(text: str, place: Place | None = None) -> Expression:
    """Parse `$name` or `${expression}`; raises ConfigError for anything else."""
    expression = Expression(text, place)
    nodes = list(ast.walk(_tree(expression)))
    text_allowed = {id(part) for node in nodes for part in _may_be_text(node)}
    for node in nodes:
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if not _is_allowed(node) or (is_text and id(node) not in text_allowed):
            raise ConfigError(
                f"{shorten(text)} cannot be computed",
                place=place,
                hint=f"it may contain {_ALLOWED}",
            )
    return expression


def evaluate(expression: Expression, variables: Mapping[str, Any]) -> Any:
    """Return the value of an expression.

    A single `$name` may have any value. Arithmetic needs numbers; `==` and `!=` take any values.
    """
    lone = _VARIABLE.fullmatch(expression.text)
    if lone:
        return _variable(lone[1], variables, expression)
    try:
        return _compute(_tree(expression), variables, expression)
    except ConfigError:
        raise
    except (ArithmeticError, TypeError, ValueError) as error:
        raise _cannot(expression, str(error)) from None


def variables_of(expression: Expression) -> set[str]:
    """Return the names of the variables that an expression uses."""
    nodes = list(ast.walk(_tree(expression)))
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return {
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and id(node) not in functions and node.id not in _CONSTANTS
    }


def _tree(expression: Expression) -> ast.expr:
    lone = _VARIABLE.fullmatch(expression.text)
    arithmetic = _ARITHMETIC.fullmatch(expression.text)
    if len(expression.text) > MAX_LENGTH:
        raise _cannot(expression, f"it is longer than {MAX_LENGTH} characters")
    if not lone and not arithmetic:
        raise ConfigError(
            f"{expression.text!r} is not an expression",
            place=expression.place,
            hint="write $name for a variable and ${name * 2} for an expression",
        )
    if lone:
        return ast.Name(lone[1])
    try:
        return _parsed(arithmetic[1].strip() if arithmetic else "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConfigError(
            f"{expression.text!r} is not a valid expression",
            place=expression.place,
            hint=f"it may contain {_ALLOWED}; names in it have no $",
        ) from None


@lru_cache(maxsize=4096)
def _parsed(body: str) -> ast.expr:
    with warnings.catch_warnings():  # warnings of Python about syntax are not helpful here
        warnings.simplefilter("ignore")
        return ast.parse(body, mode="eval").body


def _may_be_text(node: ast.AST) -> list[ast.expr]:
    """Return the parts of an expression that may be text: what is compared, and what is chosen."""
    match node:
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return [] if any(type(op) in _ORDERED for op in ops) else [left, *comparators]
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
    return []


def _is_allowed(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=value):
            return type(value) in (int, float, str)
        case ast.Call(func=func, keywords=keywords):
            return isinstance(func, ast.Name) and func.id in _FUNCTIONS and not keywords
        case ast.BinOp(op=op):
            return type(op) in _OPERATORS
        case ast.UnaryOp(op=op):
            return type(op) in _OPERATORS or isinstance(op, ast.Not)
        case ast.Compare(ops=ops):
            return all(type(op) in _COMPARISONS for op in ops)
    parts = (
        ast.Name,
        ast.BoolOp,
        ast.IfExp,
        ast.expr_context,
        ast.operator,
        ast.unaryop,
        ast.boolop,
        ast.cmpop,
    )
    return isinstance(node, parts)


def _compute(node: ast.expr, variables: Mapping[str, Any], expression: Expression) -> Any:
    def compute(child: ast.expr) -> Any:
        return _compute(child, variables, expression)

    def number(child: ast.expr) -> Any:
        value = compute(child)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{_name(child)} is {shorten(repr(value))}, not a number")
        return value

    match node:
        case ast.Constant(value=value):
            return value if isinstance(value, str) else _bounded(value)
        case ast.Name(id=name):
            known = _CONSTANTS if name in _CONSTANTS else variables
            return _variable(name, known, expression)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _truth(operand, compute(operand))
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](number(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base, exponent = number(left), number(right)
            if abs(exponent) > 64:
                raise ValueError("the exponent is larger than 64")
            return _bounded(base**exponent)
        case ast.BinOp(left=left, op=op, right=right):
            return _bounded(_OPERATORS[type(op)](number(left), number(right)))
        case ast.BoolOp(op=op, values=values):
            results = (_truth(value, compute(value)) for value in values)
            return all(results) if isinstance(op, ast.And) else any(results)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [left, *comparators]
            return all(
                _COMPARISONS[type(op)](*map(number if type(op) in _ORDERED else compute, pair))
                for op, *pair in zip(ops, sides, comparators, strict=False)
            )
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return compute(body if _truth(test, compute(test)) else orelse)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _bounded(_FUNCTIONS[name](*map(number, arguments)))
    raise TypeError(f"it may contain {_ALLOWED}")


def truth(value: Any) -> bool | None:
    """Return a condition's value as a bool: 0 is false; None for text, lists and null."""
    return bool(value) if isinstance(value, bool | int | float) else None


def _truth(node: ast.expr, value: Any) -> bool:
    result = truth(value)
    if result is None:
        raise TypeError(f"{_name(node)} is {shorten(repr(value))}, not true, false or a number")
    return result


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else "a part of it"


def _bounded(value: Any) -> Any:
    if isinstance(value, complex) or not math.isfinite(value) or abs(value) > MAX_NUMBER:
        raise ValueError("a number in it is out of range")
    return value


def _variable(name: str, variables: Mapping[str, Any], expression: Expression) -> Any:
    if name not in variables:
        raise ConfigError.of([unknown_variable(name, variables, expression.place)])
    return variables[name]


def unknown_variable(name: str, known: Iterable[str], place: Place | None) -> Mistake:
    """Return the mistake for a variable that is not among the known ones."""
    names = sorted(known)
    hint = f"known here: {listed((f'${name}' for name in names), _LISTED)}"
    if name in _WHERE:
        return Mistake(f"there is no variable ${name} here", place, _WHERE[name])
    near = nearest(name, names)
    return Mistake(
        f"there is no variable ${name} here" + (f"; did you mean ${near}?" if near else ""),
        place,
        hint if names else "define it under model.params",
    )


def _cannot(expression: Expression, why: str) -> ConfigError:
    return ConfigError(
        f"{shorten(expression.text)} cannot be computed: {why}", place=expression.place
    )
