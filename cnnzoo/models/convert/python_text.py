"""Python source in the layout of `ruff format` and Black, in lines of 88 characters.

Supports calls and collections of comma-separated parts. Code that fits stays on its line; otherwise
the last pair of brackets is opened if the rest then fits. The arguments of a call go on one line if
they fit, otherwise one per line; the items of a collection go one per line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

WIDTH = 88
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Parts:
    """Comma-separated parts between brackets, each with a prefix such as `key=`.

    `applied_to` is the argument of the result, as in `Dense(10)(x)`. An empty `separator` is for
    parts of an expression such as `a if b else c`, which may have no brackets.
    """

    opening: str
    parts: tuple[tuple[str, Code], ...]
    closing: str
    is_call: bool = True
    applied_to: str = ""
    separator: str = ","

    @property
    def end(self) -> str:
        """The text after the parts."""
        return f"{self.closing}({self.applied_to})" if self.applied_to else self.closing


Code = str | Parts


def call(function: str, arguments: Iterable[tuple[str, Code]], applied_to: str = "") -> Code:
    """Return `function(a, key=b)` or `function(a, key=b)(applied_to)`; a key can be ""."""
    keyed = tuple((f"{name}=" if name else "", code) for name, code in arguments)
    return Parts(f"{function}(", keyed, ")", applied_to=applied_to)


def collection(brackets: str, items: Iterable[Code]) -> Code:
    """Return a list or a tuple; `brackets` are `[]` or `()`."""
    parts = tuple(("", item) for item in items)
    if brackets == "()" and len(parts) == 1:
        return f"({flat(parts[0][1])},)"
    return Parts(brackets[0], parts, brackets[1], is_call=False)


def literal(value: Any) -> Code:
    """Return a plain value; a float that is a short ratio of integers is written as that ratio."""
    if isinstance(value, str):
        return f'"{escaped(value)}"'
    if isinstance(value, tuple | list):
        return collection("()", map(literal, value))
    return _number(value) if isinstance(value, float) else repr(value)


def mapping(pairs: Iterable[tuple[str, Code]]) -> Code:
    """Return a dictionary; a pair is a key followed by `: `, and its value."""
    return Parts("{", tuple(pairs), "}", is_call=False)


def conditional(value: Code, condition: Code, otherwise: Code) -> Code:
    """Return `value if condition else otherwise`."""
    parts = (("", value), ("if ", condition), ("else ", otherwise))
    return Parts("", parts, "", is_call=False, separator="")


def escaped(text: str) -> str:
    """Return a text for a literal or docstring in double quotes.

    Quotes, backslashes, line breaks, and control and direction characters are escapes.
    """
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in quoted)


def _number(value: float) -> str:
    text = repr(value)
    ratio = Fraction(value).limit_denominator(1000)
    if len(text) > 10 and ratio.numerator / ratio.denominator == value:
        return f"{ratio.numerator} / {ratio.denominator}"
    return text


def flat(code: Code) -> str:
    """Return the code on one line of any length."""
    if isinstance(code, str):
        return code
    return f"{code.opening}{_inside(code)}{code.end}"


def _inside(code: Parts) -> str:
    return f"{code.separator} ".join(key + flat(part) for key, part in code.parts)


def laid_out(code: Code, depth: int = 0, lead: str = "", tail: str = "") -> list[str]:
    """Return lines of code at a depth of indentation, from `lead` to `tail`.

    A part that cannot be divided can be longer than a line.
    """
    indent = INDENT * depth
    line = f"{indent}{lead}{flat(code)}{tail}"
    if len(line) <= WIDTH or isinstance(code, str) or not code.parts:
        return [line]
    head = f"{indent}{lead}{flat(replace(code, applied_to=''))}("
    if code.applied_to and len(head) <= WIDTH:
        return [head, f"{indent}{INDENT}{code.applied_to}", f"{indent}){tail}"]
    if not code.opening:
        ends = ["", *[""] * (len(code.parts) - 2), tail]
        leads = [lead + code.parts[0][0], *(key for key, _ in code.parts[1:])]
        parts = zip(code.parts, leads, ends, strict=True)
        return [line for (_, part), key, end in parts for line in laid_out(part, depth, key, end)]
    first, last = f"{indent}{lead}{code.opening}", f"{indent}{code.end}{tail}"
    inside = indent + INDENT + _inside(code)
    if code.is_call and len(inside) <= WIDTH:
        return [first, inside, last]
    lines = [laid_out(part, depth + 1, key, code.separator) for key, part in code.parts]
    return [first, *(line for part in lines for line in part), last]
