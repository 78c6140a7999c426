"""Resolve a model's configuration into its layers, in pure Python.

Blocks and repeats are expanded, variables evaluated, and shapes, parameters, MACs and receptive
fields computed.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from cnnzoo.architecture.applications import application_facts
from cnnzoo.architecture.arithmetic import DoesNotFit, Shape, merge_shapes, shape_text
from cnnzoo.architecture.facts import Facts
from cnnzoo.architecture.layers import Architecture, Layer, ReceptiveField, title
from cnnzoo.architecture.names import given_names
from cnnzoo.architecture.rules import layer_facts
from cnnzoo.architecture.trained import trained_facts
from cnnzoo.config.calls import (
    Block,
    BlockUse,
    Call,
    Item,
    Repeat,
    When,
    has_expression,
    shown,
    uneven_lists,
)
from cnnzoo.config.composites import APPLICATIONS, LAYER_LISTS, MERGED, TRAINED, known_arguments
from cnnzoo.config.expressions import Expression, evaluate, truth, variables_of
from cnnzoo.config.layer_lists import MAX_REPEAT
from cnnzoo.config.macros import spelled_out, split_channels
from cnnzoo.config.notation import CallParser
from cnnzoo.config.schema import ModelConfig
from cnnzoo.config.variables import SHAPE_VARIABLES
from cnnzoo.errors import ConfigError, Mistake, Place

# Limits on the work for an untrusted configuration; ResNet-1001 needs a tenth of them.
MAX_WORK = 50_000
MAX_DEPTH = 40
TRACE_LAYERS = 4

# Facts about a layer that no rule covers, for example from Keras itself.
Measure = Callable[[Call, Shape], Facts]


def resolve(
    model: ModelConfig, classes: int | None, measure: Measure | None = None
) -> Architecture:
    """Return the architecture of a model for a number of classes.

    `measure` returns the facts of layers without a shape rule. Raises ConfigError, with the place,
    the shapes so far and a fix, if a layer does not fit its input.
    """
    variables = dict(model.params)
    if classes is not None:
        variables["classes"] = classes
    resolver = _Resolver(model.input_shape, model.blocks, variables, measure)
    start = _Cursor(model.input_shape, ReceptiveField())
    layers = resolver.stack(model.layers, start, _Context(ChainMap(variables)))
    if not layers:
        raise ConfigError("the model has no layers", place=model.place("layers"))
    given_names(layers)
    return Architecture(model.input_shape, layers)


def evaluate_call(call: Call, variables: Mapping[str, Any]) -> Call:
    """Evaluate the expressions of a call, each checked against the type of its argument.

    The layers of a composite are not evaluated, because their `$channels` depends on their
    position. A cnnzoo schedule is converted to the Keras one.
    """
    if call.namespace == "schedules":
        (call,) = spelled_out(call)
    known = known_arguments(call.namespace, call.name)
    parser = CallParser()
    arguments = {}
    for name, value in call.arguments.items():
        argument = known[name]
        if argument.type in LAYER_LISTS:
            arguments[name] = value
            continue
        evaluated = evaluate_value(value, variables)
        if has_expression(value):
            place = value.place if isinstance(value, Expression) else call.place
            evaluated = parser.argument(call.name, argument, evaluated, place)
        arguments[name] = evaluated
    if parser.mistakes:
        raise ConfigError.of(parser.mistakes)
    return replace(call, arguments=arguments)


def evaluate_value(value: Any, variables: Mapping[str, Any]) -> Any:
    """Evaluate the expressions in a value."""
    if isinstance(value, Expression):
        return evaluate(value, variables)
    if isinstance(value, Call):
        return evaluate_call(value, variables)
    if isinstance(value, tuple):
        return tuple(evaluate_value(item, variables) for item in value)
    if isinstance(value, dict):
        return {name: evaluate_value(item, variables) for name, item in value.items()}
    return value


@dataclass
class _Cursor:
    """The output of the layers so far: its shape and receptive field."""

    shape: Shape
    field: ReceptiveField

    def variables(self) -> dict[str, int]:
        """Return the shape variables: `$channels` is the last axis, also named `$features`.

        `$height` and `$width` are the first two axes of an image, `$length` is the first axis of a
        sequence [length, features]. Reshape may give an image more axes.
        """
        if not self.shape:
            return {}
        known = {"channels": self.shape[-1], "features": self.shape[-1]}
        if len(self.shape) == 2:
            known["length"] = self.shape[0]
        elif len(self.shape) > 2:
            known["height"], known["width"] = self.shape[:2]
        return known


@dataclass
class _Counters:
    """Count the iterations of nested repeats, in total and so far, by the id of their layers."""

    totals: Mapping[int, int]
    counts: Counter[int] = field(default_factory=Counter)

    def next(self, repeat: Repeat) -> dict[str, int]:
        """Count an iteration; return `$count`, the number of previous iterations, and `$total`."""
        key = id(repeat.layers)
        count = self.counts[key]
        self.counts[key] += 1
        return {"count": count, **({"total": self.totals[key]} if key in self.totals else {})}


@dataclass(frozen=True, slots=True)
class _Context:
    """The context of layers: the known variables, and the enclosing blocks.

    `used_at` is the place where the innermost of these blocks is used. `counters` belong to the
    outermost repeat of a layer list; each block has separate ones.
    """

    variables: ChainMap[str, Any]
    used_at: Place | None = None
    inside: tuple[str, ...] = ()
    depth: int = 0
    counters: _Counters | None = None

    def knowing(self, values: Mapping[str, Any]) -> _Context:
        """Return the same context with more variables."""
        return replace(self, variables=self.variables.new_child(dict(values)))


@dataclass
class _Resolver:
    input_shape: Shape
    blocks: Mapping[str, Block]
    outermost: dict[str, Any]
    measure: Measure | None
    work: int = 0

    def stack(
        self, items: tuple[Item, ...], start: _Cursor, context: _Context
    ) -> tuple[Layer, ...]:
        """Resolve items into layers, starting at `start`."""
        cursor = replace(start)
        layers: list[Layer] = []
        for call, around in self._written_out(items, context, cursor):
            try:
                layer = self._layer(call, cursor, around)
            except DoesNotFit as misfit:
                misfit.hint = _channels_first(self.input_shape) or misfit.hint
                raise _explained(misfit, call, start.shape, layers) from None
            layers.append(layer)
            cursor.shape, cursor.field = layer.output_shape, layer.receptive_field
        return tuple(layers)

    def _written_out(
        self,
        items: tuple[Item, ...],
        context: _Context,
        cursor: _Cursor,
    ) -> Iterator[tuple[Call, _Context]]:
        """Yield each call, evaluated at the current cursor, with its context."""
        for written in items:
            item = replace(written, place=_via(written.place, context.used_at))
            self._spend(item, context)
            known = context.variables.new_child(cursor.variables())
            with _errors_via(context.used_at):
                if isinstance(item, Call):
                    if item.name == "ShuffleChannels":
                        _refuse_uneven_groups(evaluate_call(item, known), cursor.shape)
                    for call in spelled_out(item):
                        yield evaluate_call(call, known), context
                elif isinstance(item, Repeat):
                    counters = context.counters or _Counters(_totals(item, known))
                    inner = replace(context, counters=counters)
                    for values in _iterations(item, known):
                        self._spend(item, context)
                        counted = inner.knowing({**values, **counters.next(item)})
                        yield from self._written_out(item.layers, counted, cursor)
                elif isinstance(item, When):
                    layers = item.layers if _holds(item, known) else item.otherwise
                    yield from self._written_out(layers, context, cursor)
                else:
                    yield from self._written_out(
                        self.blocks[item.name].layers, self._within(item, known, context), cursor
                    )

    def _within(self, use: BlockUse, known: ChainMap[str, Any], context: _Context) -> _Context:
        """Return the context of the layers of a block at its use."""
        if use.name in context.inside:
            raise ConfigError(
                f"the block {use.name!r} uses itself",
                place=use.place,
                hint=f"remove one of these uses: {' → '.join((*context.inside, use.name))}",
            )
        scope = _block_scope(use, self.blocks[use.name], known)
        inside = (*context.inside, use.name)
        return _Context(ChainMap(scope, self.outermost), use.place, inside, context.depth + 1)

    def _spend(self, item: Item, context: _Context) -> None:
        """Count an expanded item; raise ConfigError if there are too many."""
        self.work += _work(
            item.values
            if isinstance(item, Repeat)
            else item.condition
            if isinstance(item, When)
            else item.arguments
        )
        if isinstance(item, BlockUse):
            self.work += len(self.blocks[item.name].parameters)
        if self.work > MAX_WORK:
            raise ConfigError(
                f"the expanded layers, repeats and blocks are more than {MAX_WORK:,}",
                place=item.place,
            )
        if context.depth > MAX_DEPTH:
            raise ConfigError(
                f"blocks and composites are nested deeper than {MAX_DEPTH} levels", place=item.place
            )

    def _layer(self, call: Call, cursor: _Cursor, context: _Context) -> Layer:
        if call.name in MERGED:
            return self._composite(call, cursor, replace(context, depth=context.depth + 1))
        if call.name in APPLICATIONS:
            facts = application_facts(call.name, call.arguments, cursor.shape, resolve)
        elif call.name in TRAINED:
            facts = trained_facts(call.name, call.arguments, cursor.shape, resolve)
        else:
            facts = layer_facts(call.name, call.arguments, cursor.shape)
        measured = facts is None
        if facts is None and self.measure is not None:
            facts = self.measure(call, cursor.shape)
        if facts is None:
            raise ConfigError(
                f"only Keras can compute the output shape of {call.name} with these arguments",
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
            measured=measured,
        )

    def _behind(self, field: ReceptiveField, facts: Facts) -> ReceptiveField:
        """Return the receptive field after a layer; a global layer covers the whole input."""
        (height, width), (down, right) = field.size, field.stride
        if facts.kernel is None:
            size = (max(height, self.input_shape[0]), max(width, self.input_shape[1]))
            return ReceptiveField(size, field.stride)
        rows, columns = facts.kernel
        return ReceptiveField(
            (height + round((rows - 1) * down), width + round((columns - 1) * right)),
            (down * facts.strides[0], right * facts.strides[1]),
        )

    def _composite(self, call: Call, cursor: _Cursor, context: _Context) -> Layer:
        merge, paths = _merge_and_paths(call, cursor.shape)
        branches = tuple(self.stack(path, cursor, context) for path in paths)
        shapes = [branch[-1].output_shape if branch else cursor.shape for branch in branches]
        if call.name == "Residual" and shapes[0] != shapes[1]:
            raise DoesNotFit(
                f"Residual adds {shape_text(shapes[0])} (layers) to "
                f"{shape_text(shapes[1])} (shortcut)",
                _shrinking(branches[0], *shapes) or _projection(*shapes),
            )
        inner = [layer for branch in branches for layer in branch]
        fields = [branch[-1].receptive_field if branch else cursor.field for branch in branches]
        return Layer(
            call.name,
            {} if call.name == "Residual" else {"merge": merge},
            cursor.shape,
            merge_shapes(merge, shapes),
            sum(layer.trainable for layer in inner),
            sum(layer.non_trainable for layer in inner),
            sum(layer.macs for layer in inner),
            _widest(fields),
            branches,
            call.place,
        )


def _work(value: Any) -> int:
    """Return the cost of evaluating a value, in steps of about equal time."""
    match value:
        case Expression(text=text):
            return 1 + len(text) // 5
        case Call(arguments=arguments):
            return _work(arguments)
        case Mapping():
            return 1 + sum(map(_work, value.values()))
        case tuple():
            return 1 + sum(map(_work, value))
    return 1


def _shrinking(layers: tuple[Layer, ...], wanted: Shape, given: Shape) -> str | None:
    """Return the hint for a body that shrinks the image only because of its padding."""
    windows = [
        layer
        for layer in layers
        if layer.input_shape[:-1] != layer.output_shape[:-1]
        and layer.arguments.get("padding", "valid") == "valid"
        and ("kernel_size" in layer.arguments or "Pooling2D" in layer.name)
    ]
    steps = [layer.arguments.get("strides", 1) for layer in windows]
    if wanted[:-1] == given[:-1] or not windows or any(step not in (1, (1, 1)) for step in steps):
        return None
    if any("Pooling" in layer.name and "strides" not in layer.arguments for layer in windows):
        return None
    first = windows[0]
    where = f" in line {first.place.line}" if first.place and first.place.line else ""
    return f"{first.name}{where} shrinks the image; write padding: same in it"


def _projection(wanted: Shape, given: Shape) -> str:
    """Return a hint for a shortcut that converts one shape to the other, if a convolution can."""
    if len(wanted) != 3 or len(given) != 3 or wanted[0] > given[0]:
        return "give the layers and the shortcut the same output"
    strides = -(-given[0] // wanted[0])
    moving = f", strides: {strides}" if strides > 1 else ""
    return (
        f"write a projection, for example shortcut: [Conv2D: {{filters: {wanted[-1]}, "
        f"kernel_size: 1{moving}}}]"
    )


def _merge_and_paths(call: Call, shape: Shape) -> tuple[str, tuple[tuple[Item, ...], ...]]:
    arguments = call.arguments
    if call.name == "Residual":
        return "add", (arguments["layers"], arguments.get("shortcut", ()))
    merge = arguments.get("merge", "concatenate")
    if call.name == "SplitChannels":
        _refuse_uneven_split(arguments, shape)
        return merge, split_channels(call)
    return merge, arguments["branches"]


def _refuse_uneven_split(arguments: Mapping[str, Any], shape: Shape) -> None:
    if len(shape) != 3:
        raise DoesNotFit(f"SplitChannels needs an image, but its input is {shape_text(shape)}")
    channels, parts = shape[2], len(arguments["branches"])
    sizes = arguments.get("sizes")
    if sizes is None and channels % parts:
        raise DoesNotFit(
            f"SplitChannels cannot divide {channels} channels by {parts} branches",
            "give the channels of each branch, for example "
            f"sizes: {_example_sizes(channels, parts)}",
        )
    if sizes is not None and (
        len(sizes) != parts or sum(sizes) != channels or min(sizes, default=0) < 1
    ):
        raise DoesNotFit(
            f"SplitChannels needs {parts} sizes that add up to the {channels} channels of its "
            f"input, but they are {list(sizes)}",
            f"for example sizes: {_example_sizes(channels, parts)}",
        )


def _refuse_uneven_groups(shuffle: Call, shape: Shape) -> None:
    groups = shuffle.arguments["groups"]
    if len(shape) != 3:
        problem = f"needs an image, but its input is {shape_text(shape)}"
    elif shape[2] % groups:
        problem = f"needs groups that divide the {shape[2]} channels of its input, not {groups}"
    else:
        return
    raise ConfigError(f"ShuffleChannels {problem}", place=shuffle.place)


def _example_sizes(channels: int, parts: int) -> list[int]:
    each = channels // parts
    return [each] * (parts - 1) + [channels - each * (parts - 1)]


def _iterations(repeat: Repeat, known: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the variables of each iteration: `$index` from 0, and one value of each list."""
    if repeat.times is None:
        lists = {name: evaluate_value(values, known) for name, values in repeat.values.items()}
        if problem := uneven_lists(lists):
            raise ConfigError(problem, place=repeat.place)
        for index, row in enumerate(zip(*lists.values(), strict=True)):
            yield {"index": index, **dict(zip(lists, row, strict=True))}
        return
    times = evaluate_value(repeat.times, known)
    if isinstance(times, bool) or not isinstance(times, int) or not 0 <= times <= MAX_REPEAT:
        raise ConfigError(
            f"'repeat' must be a count from 0 to {MAX_REPEAT}, not {times!r}", place=repeat.place
        )
    for index in range(times):
        yield {"index": index}


def _holds(when: When, known: Mapping[str, Any]) -> bool:
    value = evaluate_value(when.condition, known)
    result = truth(value)
    if result is None:
        raise ConfigError(
            f"'when' must be true, false or a number, not {shown(value)}", place=when.place
        )
    return result


def _totals(repeat: Repeat, known: ChainMap[str, Any]) -> dict[int, int]:
    """Return the iterations of a repeat, and the total of each repeat inside it, by id.

    Computed only if a layer uses `$total`: the counts of the repeats and the conditions between
    them must then not depend on shapes, which are unknown before the layers are resolved.
    """
    if not _asks_total(repeat):
        return {}
    names = [*SHAPE_VARIABLES, "count", "total"]
    fixed: ChainMap[str, Any] = ChainMap({k: v for k, v in known.items() if k not in names})
    totals: Counter[int] = Counter()
    work = 0

    def count(items: Any, scope: ChainMap[str, Any]) -> None:
        nonlocal work
        for item in items:
            work += 1
            if work > MAX_WORK:
                raise ConfigError(
                    f"the expanded layers are more than {MAX_WORK:,}", place=repeat.place
                )
            if isinstance(item, Repeat):
                for values in _iterations(item, scope):
                    totals[id(item.layers)] += 1
                    count(item.layers, scope.new_child(dict(values)))
            elif isinstance(item, When) and _repeats(item):
                count(item.layers if _holds(item, scope) else item.otherwise, scope)
            elif isinstance(item, Call) and item.name in MERGED:
                for layers in _layer_lists(item):
                    count(layers, scope)

    try:
        count((repeat,), fixed)
    except ConfigError as error:
        mistake = error.mistakes[0]
        if not any(f"${name} " in mistake.message for name in names):
            raise
        raise ConfigError(
            "$total is not known here: the number of iterations depends on "
            f"{next(f'${name}' for name in names if f'${name} ' in mistake.message)}",
            place=mistake.place or repeat.place,
            hint="repeat by numbers that do not depend on the shape of the input",
        ) from None
    return dict(totals)


def _layer_lists(call: Call) -> Iterator[tuple[Item, ...]]:
    for name in ("layers", "shortcut"):
        yield call.arguments.get(name, ())
    yield from call.arguments.get("branches", ())


def _repeats(value: Any) -> bool:
    """Return whether an item, or a list of items, contains a repeat."""
    match value:
        case Repeat():
            return True
        case When(layers=layers, otherwise=otherwise):
            return _repeats(layers) or _repeats(otherwise)
        case Call(arguments=arguments):
            return any(map(_repeats, arguments.values()))
        case tuple():
            return any(map(_repeats, value))
    return False


def _asks_total(value: Any) -> bool:
    """Return whether an expression in a value uses `$total`."""
    match value:
        case Expression():
            return "total" in variables_of(value)
        case Repeat(times=times, values=values, layers=layers):
            return _asks_total((times, *values.values(), *layers))
        case When(condition=condition, layers=layers, otherwise=otherwise):
            return _asks_total((condition, *layers, *otherwise))
        case Call(arguments=arguments) | BlockUse(arguments=arguments):
            return _asks_total(tuple(arguments.values()))
        case tuple():
            return any(map(_asks_total, value))
    return False


def _block_scope(use: BlockUse, block: Block, known: ChainMap[str, Any]) -> dict[str, Any]:
    """Return the values of a block's parameters; a default may use previous parameters."""
    scope: dict[str, Any] = {}
    for name in block.parameters:
        if name in use.arguments:
            scope[name] = evaluate_value(use.arguments[name], known)
        else:
            scope[name] = evaluate_value(block.defaults[name], known.new_child(scope))
    return scope


def _widest(fields: list[ReceptiveField]) -> ReceptiveField:
    heights, widths = zip(*(field.size for field in fields), strict=True)
    return ReceptiveField((max(heights), max(widths)), fields[0].stride)


def _explained(
    misfit: DoesNotFit, call: Call, input_shape: Shape, layers: list[Layer]
) -> ConfigError:
    """Return a DoesNotFit as a ConfigError, with its place and the shapes before it."""
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


def _channels_first(shape: Shape) -> str | None:
    if shape[0] in (1, 3) and min(shape[1:]) > 3:
        return f"input_shape is [height, width, channels]; is {list(shape)} channels first?"
    return None


def _line(place: Place | None) -> str:
    return f"line {place.line}" if place and place.line else ""


def _via(place: Place | None, used_at: Place | None) -> Place | None:
    return replace(place, used_at=used_at) if place and used_at and not place.used_at else place


@contextmanager
def _errors_via(used_at: Place | None) -> Iterator[None]:
    """Add the use of the enclosing block to errors that are raised within."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError.of(
            replace(mistake, place=_via(mistake.place, used_at)) for mistake in error.mistakes
        ) from None
