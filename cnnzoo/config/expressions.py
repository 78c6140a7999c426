"""`$variables` and `${arithmetic}`: numbers that are known later than the text.

`$classes` is one variable; `${channels // 2}` takes + - * / // % ** and min, max, round over
variables and numbers, and nothing else.
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


def _round(number: float, digits: int = 0) -> float:
    """Round as Python does; so many digits only, for they become a power of ten."""
    if abs(digits) > 15:
        raise ValueError("round takes at most 15 digits")
    return round(number, digits) if digits else round(number)


_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "round": _round}
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_ARITHMETIC = re.compile(r"\$\{(.*)\}", re.DOTALL)
_ALLOWED = "numbers, variables, + - * / // % **, min, max and round"
_LISTED = 12  # variables in a hint

# Where a variable that cnnzoo sets is known.
_WHERE = {
    "classes": "set model.classes, or name data, whose classes are counted",
    "index": "$index counts the iterations of a repeat; it is known inside one",
    "height": "$height is that of an image; Flatten and global pooling leave none",
    "width": "$width is that of an image; Flatten and global pooling leave none",
    "channels": "$channels is known in layers",
    **dict.fromkeys(
        ("steps", "steps_per_epoch", "epochs", "batch_size"),
        "only a training knows it: its optimizer may use it, layers may not",
    ),
}


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as it was written, and where."""

    text: str
    place: Place | None = field(default=None, compare=False)

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
                f"{shorten(text)} cannot be computed", place=place, hint=f"it may hold {_ALLOWED}"
            )
    return expression


def evaluate(expression: Expression, variables: Mapping[str, Any]) -> Any:
    """The value of an expression; a lone `$name` may hold any value, arithmetic only numbers."""
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
    """The names of the variables that an expression uses."""
    nodes = list(ast.walk(_tree(expression)))
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return {node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in functions}


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
    if lone:
        return ast.Name(lone[1])
    try:
        return _parsed(arithmetic[1].strip() if arithmetic else "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConfigError(
            f"{expression.text!r} is not arithmetic",
            place=expression.place,
            hint=f"it may hold {_ALLOWED}, without $ before the names in it",
        ) from None


@lru_cache(maxsize=4096)
def _parsed(body: str) -> ast.expr:
    with warnings.catch_warnings():  # Python's advice on odd spelling is not for this reader
        warnings.simplefilter("ignore")
        return ast.parse(body, mode="eval").body


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
                raise TypeError(f"{name} is {shorten(repr(value))}, not a number")
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
        raise ConfigError.of([unknown_variable(name, variables, expression.place)])
    return variables[name]


def unknown_variable(name: str, known: Iterable[str], place: Place | None) -> Mistake:
    """The mistake of using a variable that is not among the known ones."""
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
