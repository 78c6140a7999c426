"""What the notation stands for: calls of Keras classes, repeats, blocks and their uses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnzoo.config.composites import REQUIRED
from cnnzoo.config.expressions import Expression, unknown_variable, variables_of
from cnnzoo.errors import Mistake, Place
from cnnzoo.text import listed, shorten


@dataclass(frozen=True, slots=True)
class Call:
    """A Keras class, or a composite of ours, with its arguments by name.

    An argument is a plain value (lists as tuples), an Expression, a Call, a tuple of layer items
    (composites), or a tuple of such tuples (branches).
    """

    namespace: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Layers that stand several times: `times` of them, or once for each of the listed values.

    An Expression in the place of a list is a parameter of the file that holds one.
    """

    layers: tuple[Item, ...]
    times: int | Expression | None = None
    values: Mapping[str, tuple[Any, ...] | Expression] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Block:
    """What a model defines under `blocks`; a parameter without a default is required."""

    parameters: tuple[str, ...]
    defaults: Mapping[str, Any]
    layers: tuple[Item, ...]
    place: Place | None = field(default=None, compare=False)

    @property
    def header(self) -> dict[str, Any]:
        """Each parameter with its default, REQUIRED where it has none."""
        return {name: self.defaults.get(name, REQUIRED) for name in self.parameters}


@dataclass(frozen=True, slots=True)
class BlockUse:
    """A block by its name, with values for its parameters."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


Item = Call | Repeat | BlockUse


def written(value: Any) -> Any:
    """The plain YAML value that parses to this Call, item or argument."""
    match value:
        case Call(name=name, arguments=arguments) | BlockUse(name=name, arguments=arguments):
            return {name: written(arguments)} if arguments else name
        case Repeat():
            times = written(value.values) if value.times is None else written(value.times)
            return {"repeat": times, "layers": written(value.layers)}
        case Block():
            parameters = [
                {name: written(value.defaults[name])} if name in value.defaults else name
                for name in value.parameters
            ]
            return {"parameters": parameters, "layers": written(value.layers)}
        case Expression():
            return value.text
        case Mapping():
            return {key: written(item) for key, item in value.items()}
        case tuple() | list():
            return [written(item) for item in value]
    return value


def has_expression(value: Any) -> bool:
    """Whether a frozen argument is or holds an Expression."""
    if isinstance(value, tuple):
        return any(map(has_expression, value))
    if isinstance(value, dict):
        return any(map(has_expression, value.values()))
    return isinstance(value, Expression)


def check_variables(value: Any, known: Collection[str]) -> list[Mistake]:
    """The mistakes of a Call, or of several, that uses variables which are not known."""
    match value:
        case Expression():
            unknown = sorted(variables_of(value) - set(known))
            return [unknown_variable(name, known, value.place) for name in unknown]
        case Call():
            return check_variables(tuple(value.arguments.values()), known)
        case tuple():
            return [mistake for item in value for mistake in check_variables(item, known)]
    return []


def shown(value: Any) -> str:
    """A value as a person would recognise it in a message, shortened."""
    if value is None:
        return "nothing"
    text = f"a mapping ({listed(value)})" if isinstance(value, dict) else repr(written(value))
    return shorten(text)


def uneven_lists(lists: Mapping[str, Any]) -> str | None:
    """What is wrong with the lists of a `repeat`, or None where they are of equal length."""
    lengths = {
        name: len(values) if isinstance(values, list | tuple) else None
        for name, values in lists.items()
    }
    if None not in lengths.values() and len(set(lengths.values())) == 1:
        return None
    came = ", ".join(f"{name} {'no list' if n is None else n}" for name, n in lengths.items())
    return f"'repeat' needs lists of equal length, one value an iteration; got {came or '{}'}"
