"""A model's configuration → the layers that it stands for, in pure Python.

Blocks and repeats are written out, variables evaluated, and shapes, parameters, MACs and receptive
fields known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from cnnzoo.architecture.arithmetic import DoesNotFit, Shape, merge_shapes, shape_text
from cnnzoo.architecture.facts import Facts
from cnnzoo.architecture.layers import Architecture, Layer, ReceptiveField, title
from cnnzoo.architecture.rules import layer_facts
from cnnzoo.config.composites import COMPOSITES, LAYER_LISTS
from cnnzoo.config.expressions import Expression, evaluate
from cnnzoo.config.notation import (
    MAX_REPEAT,
    SHAPE_VARIABLES,
    Block,
    BlockUse,
    Call,
    Item,
    Parser,
    Repeat,
    has_expression,
    known_arguments,
)
from cnnzoo.config.schema import ModelConfig
from cnnzoo.errors import ConfigError, Mistake, Place

MAX_LAYERS = 20_000
TRACE_LAYERS = 4

# Facts about a layer that no rule covers, for example from Keras itself.
Measure = Callable[[Call, Shape], Facts]


def resolve(
    model: ModelConfig, classes: int | None, measure: Measure | None = None
) -> Architecture:
    """The architecture of a model for a class count.

    `measure` is asked about layers that have no shape rule. Raises ConfigError, with the place,
    the shapes so far and the way out, where a layer does not fit its input.
    """
    variables = dict(model.params)
    if classes is not None:
        variables["classes"] = classes
    resolver = _Resolver(model.input_shape, model.blocks, variables, measure)
    start = _Cursor(model.input_shape, ReceptiveField())
    return Architecture(model.input_shape, resolver.stack(model.layers, start, variables))


def evaluate_call(call: Call, variables: Mapping[str, Any]) -> Call:
    """The same call with its expressions evaluated, each checked against its argument's type.

    The layers of a composite are left as they are: what `$channels` is to them depends on where
    they stand.
    """
    known = known_arguments(call.namespace, call.name)
    parser = Parser()
    arguments = {}
    for name, value in call.arguments.items():
        argument = known[name]
        if argument.type in LAYER_LISTS:
            arguments[name] = value
            continue
        arguments[name] = evaluated = evaluate_value(value, variables)
        if has_expression(value):
            place = value.place if isinstance(value, Expression) else call.place
            parser.check(call.name, argument, evaluated, place)
    if parser.mistakes:
        raise ConfigError.of(parser.mistakes)
    return replace(call, arguments=arguments)


def evaluate_value(value: Any, variables: Mapping[str, Any]) -> Any:
    """A value with the expressions in it evaluated."""
    if isinstance(value, Expression):
        return evaluate(value, variables)
    if isinstance(value, Call):
        return evaluate_call(value, variables)
    if isinstance(value, tuple):
        return tuple(evaluate_value(item, variables) for item in value)
    return value


@dataclass
class _Cursor:
    """Where a stack of layers has come to: the shape and the receptive field of its output."""

    shape: Shape
    field: ReceptiveField

    def variables(self) -> dict[str, int]:
        """`$height`, `$width` and `$channels` here; a flat shape has `$channels` only."""
        names = SHAPE_VARIABLES if len(self.shape) == 3 else SHAPE_VARIABLES[-1:]
        return dict(zip(names, self.shape[-len(names) :], strict=True))


@dataclass
class _Resolver:
    input_shape: Shape
    blocks: Mapping[str, Block]
    outermost: Mapping[str, Any]
    measure: Measure | None
    count: int = 0

    def stack(
        self, items: tuple[Item, ...], start: _Cursor, scope: Mapping[str, Any]
    ) -> tuple[Layer, ...]:
        """The layers that items stand for, from `start` on."""
        cursor = replace(start)
        layers: list[Layer] = []
        for call, known in self._written_out(items, scope, cursor):
            self.count += 1
            if self.count > MAX_LAYERS:
                raise ConfigError(
                    f"the model has more than {MAX_LAYERS:,} layers", place=call.place
                )
            try:
                layer = self._layer(call, cursor, known)
            except DoesNotFit as misfit:
                raise _explained(misfit, call, start.shape, layers) from None
            layers.append(layer)
            cursor.shape, cursor.field = layer.output_shape, layer.receptive_field
        return tuple(layers)

    def _written_out(
        self,
        items: tuple[Item, ...],
        scope: Mapping[str, Any],
        cursor: _Cursor,
        used_at: Place | None = None,
        inside: tuple[str, ...] = (),
    ) -> Iterator[tuple[Call, Mapping[str, Any]]]:
        """Each call in turn, evaluated where the cursor then is, with the scope around it."""
        for written in items:
            item = replace(written, place=_via(written.place, used_at))
            known = {**scope, **cursor.variables()}
            with _errors_via(used_at):
                if isinstance(item, Call):
                    yield evaluate_call(item, known), scope
                elif isinstance(item, Repeat):
                    for values in _iterations(item, known):
                        inner = {**scope, **values}
                        yield from self._written_out(item.layers, inner, cursor, used_at, inside)
                else:
                    if item.name in inside:
                        raise ConfigError(f"the block {item.name!r} uses itself", place=item.place)
                    block = self.blocks[item.name]
                    inner = {**self.outermost, **_block_scope(item, block, known)}
                    yield from self._written_out(
                        block.layers, inner, cursor, item.place, (*inside, item.name)
                    )

    def _layer(self, call: Call, cursor: _Cursor, scope: Mapping[str, Any]) -> Layer:
        if call.name in COMPOSITES:
            return self._composite(call, cursor, scope)
        facts = layer_facts(call.name, call.arguments, cursor.shape)
        if facts is None and self.measure is not None:
            facts = self.measure(call, cursor.shape)
        if facts is None:
            raise ConfigError(
                f"the shape behind {call.name} with these arguments is known to Keras only",
                place=call.place,
            )
        return Layer(
            call.name,
            call.arguments,
            cursor.shape,
            facts.output_shape,
            facts.trainable,
            facts.non_trainable,
            facts.macs,
            self._behind(cursor.field, facts),
            place=call.place,
        )

    def _behind(self, field: ReceptiveField, facts: Facts) -> ReceptiveField:
        """The receptive field behind a layer; a layer that sees everything sees the input."""
        (height, width), (down, right) = field.size, field.stride
        if facts.kernel is None:
            size = (max(height, self.input_shape[0]), max(width, self.input_shape[1]))
            return ReceptiveField(size, field.stride)
        rows, columns = facts.kernel
        return ReceptiveField(
            (height + round((rows - 1) * down), width + round((columns - 1) * right)),
            (down * facts.strides[0], right * facts.strides[1]),
        )

    def _composite(self, call: Call, cursor: _Cursor, scope: Mapping[str, Any]) -> Layer:
        merge, paths = _merge_and_paths(call)
        branches = tuple(self.stack(path, cursor, scope) for path in paths)
        shapes = [branch[-1].output_shape if branch else cursor.shape for branch in branches]
        if call.name == "Residual" and shapes[0] != shapes[1]:
            raise DoesNotFit(
                f"Residual adds {shape_text(shapes[0])} (layers) to "
                f"{shape_text(shapes[1])} (shortcut)",
                "write a projection, for example shortcut: [Conv2D: {filters: "
                f"{shapes[0][-1]}, kernel_size: 1, strides: …}}]",
            )
        inner = [layer for branch in branches for layer in branch]
        fields = [branch[-1].receptive_field if branch else cursor.field for branch in branches]
        return Layer(
            call.name,
            {"merge": merge} if call.name == "Branches" else {},
            cursor.shape,
            merge_shapes(merge, shapes),
            sum(layer.trainable for layer in inner),
            sum(layer.non_trainable for layer in inner),
            sum(layer.macs for layer in inner),
            _widest(fields),
            branches,
            call.place,
        )


def _merge_and_paths(call: Call) -> tuple[str, tuple[tuple[Item, ...], ...]]:
    arguments = call.arguments
    if call.name == "Residual":
        return "add", (arguments["layers"], arguments.get("shortcut", ()))
    return arguments.get("merge", "concatenate"), arguments["branches"]


def _iterations(repeat: Repeat, known: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The variables of each iteration: `$index` from 0, and one of each listed value."""
    if repeat.times is None:
        columns = [
            [(name, evaluate_value(value, known)) for value in values]
            for name, values in repeat.values.items()
        ]
        for index, row in enumerate(zip(*columns, strict=True)):
            yield {"index": index, **dict(row)}
        return
    times = evaluate_value(repeat.times, known)
    if isinstance(times, bool) or not isinstance(times, int) or not 0 <= times <= MAX_REPEAT:
        raise ConfigError(
            f"'repeat' must be a count from 0 to {MAX_REPEAT}, not {times!r}", place=repeat.place
        )
    for index in range(times):
        yield {"index": index}


def _block_scope(use: BlockUse, block: Block, known: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of a block's parameters; a default may use the parameters before it."""
    scope: dict[str, Any] = {}
    for name in block.parameters:
        if name in use.arguments:
            scope[name] = evaluate_value(use.arguments[name], known)
        elif name in block.defaults:
            scope[name] = evaluate_value(block.defaults[name], {**known, **scope})
        else:
            raise ConfigError(
                f"{use.name} needs {name!r}",
                place=use.place,
                hint=f"write {use.name}: {{{name}: …}}",
            )
    return scope


def _widest(fields: list[ReceptiveField]) -> ReceptiveField:
    heights, widths = zip(*(field.size for field in fields), strict=True)
    return ReceptiveField((max(heights), max(widths)), fields[0].stride)


def _explained(
    misfit: DoesNotFit, call: Call, input_shape: Shape, layers: list[Layer]
) -> ConfigError:
    """The misfit with its place and the shapes that led to it."""
    rows = [("layer", "output", "")]
    if len(layers) > TRACE_LAYERS:
        rows.append((f"… {len(layers) - TRACE_LAYERS} more", "", ""))
    elif not layers:
        rows.append(("input", shape_text(input_shape), ""))
    rows += [
        (title(layer.name, layer.arguments), shape_text(layer.output_shape), _line(layer.place))
        for layer in layers[-TRACE_LAYERS:]
    ]
    rows.append((title(call.name, call.arguments), "-", _line(call.place)))
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    last = len(rows) - 1
    table = tuple(
        f"{'>' if index == last else ' '} {name:<{wide[0]}}   {shape:<{wide[1]}}   {line}".rstrip()
        for index, (name, shape, line) in enumerate(rows)
    )
    return ConfigError.of([Mistake(str(misfit), call.place, misfit.hint, table)])


def _line(place: Place | None) -> str:
    return f"line {place.line}" if place and place.line else ""


def _via(place: Place | None, used_at: Place | None) -> Place | None:
    return replace(place, used_at=used_at) if place and used_at and not place.used_at else place


@contextmanager
def _errors_via(used_at: Place | None) -> Iterator[None]:
    """Adds to the errors raised within where the block that holds the mistake was used."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError.of(
            replace(mistake, place=_via(mistake.place, used_at)) for mistake in error.mistakes
        ) from None
