"""Shape rules of layers for sequences [length, features]: attention, EinsumDense, 1D layers."""

from __future__ import annotations

import math
import re

from cnnzoo.architecture.arguments import Arguments, choice, number
from cnnzoo.architecture.arithmetic import DoesNotFit, Shape, output_size, same_size, shape_text
from cnnzoo.architecture.facts import Facts

_TO_SEQUENCE = "put Reshape: [[-1, $channels]] before it, which turns an image into a sequence"


def multi_head_attention(arguments: Arguments, shape: Shape) -> Facts:
    """Attend from each position to all, in a sequence or in the pixels of an image."""
    if len(shape) < 2:
        raise DoesNotFit(
            f"needs a sequence or an image, but its input is {shape_text(shape)}",
            "move it before Flatten or global pooling",
        )
    features, heads = shape[-1], number(arguments, "num_heads")
    key = number(arguments, "key_dim")
    value = arguments.get("value_dim") or key
    output = tuple(arguments.get("output_shape") or (features,))
    if None in output:
        raise DoesNotFit(f"needs an output_shape without null, but it is {list(output)}")
    attended = _attended(arguments, shape)
    return _attention_facts(
        arguments,
        shape,
        (*shape[:-1], *output),
        query=heads * key,
        key=heads * key,
        value=heads * value,
        gate=heads * value,
        attended=attended,
    )


def group_query_attention(arguments: Arguments, shape: Shape) -> Facts:
    """Attend with groups of query heads that share a key head and a value head."""
    _sequence(shape)
    size = number(arguments, "head_dim")
    queries, shared = number(arguments, "num_query_heads"), number(arguments, "num_key_value_heads")
    if queries % shared:
        raise DoesNotFit(
            f"needs num_query_heads to be a multiple of num_key_value_heads, but they are "
            f"{queries} and {shared}"
        )
    return _attention_facts(
        arguments,
        shape,
        shape,
        query=queries * size,
        key=shared * size,
        value=shared * size,
        gate=queries * size,
        attended=shape[0],
    )


def attention(arguments: Arguments, shape: Shape) -> Facts:
    """Attend with dot products; the only weights are scales."""
    length, features = _sequence(shape)
    scales = bool(arguments.get("use_scale")) + (arguments.get("score_mode") == "concat")
    return Facts(shape, trainable=scales, macs=2 * length * length * features, kernel=None)


def additive_attention(arguments: Arguments, shape: Shape) -> Facts:
    """Attend with the sum of query and key."""
    length, features = _sequence(shape)
    scale = features if arguments.get("use_scale", True) else 0
    return Facts(shape, trainable=scale, macs=2 * length * length * features, kernel=None)


def _attention_facts(
    arguments: Arguments,
    shape: Shape,
    output: Shape,
    *,
    query: int,
    key: int,
    value: int,
    gate: int,
    attended: int,
) -> Facts:
    """Count four projections and two products; `query` and the others are sizes over all heads."""
    features, positions = shape[-1], math.prod(shape[:-1])
    outputs = math.prod(output) // positions
    inner = gate  # the heads of the output are those of the query, with the size of the value
    projections = features * (query + key + value) + inner * outputs
    biases = query + key + value + outputs
    if arguments.get("use_gate"):
        projections, biases = projections + features * gate, biases + gate
    used_biases = biases if arguments.get("use_bias", True) else 0
    return Facts(
        output,
        trainable=projections + used_biases,
        macs=positions * (projections + attended * (query + inner)),
        kernel=None,
    )


def _attended(arguments: Arguments, shape: Shape) -> int:
    """Return the number of positions that each position attends to."""
    axes = arguments.get("attention_axes")
    rank = len(shape)
    positions = range(1, rank) if axes is None else [a if a >= 0 else rank + 1 + a for a in axes]
    for position in positions:
        if not 1 <= position < rank:
            raise DoesNotFit(
                f"needs attention_axes from 1 to {rank - 1}, all but the features, for its input "
                f"of {shape_text(shape)}, but it is {list(axes or ())}"
            )
    return math.prod(shape[position - 1] for position in positions)


def einsum_dense(arguments: Arguments, shape: Shape) -> Facts:
    """Apply an equation such as `abc,cd->abd`; `...` stands for the axes that it does not name."""
    equation = str(arguments["equation"]).replace(" ", "")
    match = re.fullmatch(r"(\.\.\.)?(\w+)(\.\.\.)?,(\w+)->(\.\.\.)?(\w+)(\.\.\.)?", equation)
    if match is None or (match[1], match[3]) != (match[5], match[7]) or (match[1] and match[3]):
        raise DoesNotFit(
            f"cannot read the equation {equation!r}",
            "write it like abc,cd->abd, or ...c,cd->...d",
        )
    left, inputs, right, weights, outputs = match[1], match[2], match[3], match[4], match[6]
    given = (0, *shape)  # the size of the batch has no effect
    open_axes = len(given) - len(inputs)
    if open_axes < 0 or (open_axes and not (left or right)):
        raise DoesNotFit(
            f"needs an input of {len(inputs) - 1} axes for {equation!r}, but its input is "
            f"{shape_text(shape)}"
        )
    sizes = dict(zip(inputs, given[open_axes:] if left else given, strict=False))
    target = tuple(arguments["output_shape"])
    named = outputs if left else outputs[1:]
    wanted = target[-len(named) :] if left else target[: len(named)]
    if len(wanted) != len(named):
        raise DoesNotFit(f"needs output_shape to have {len(named)} sizes for {equation!r}")
    for axis, size in zip(named, wanted, strict=True):
        known = sizes.get(axis)
        if size is not None and known not in (None, 0, size):
            raise DoesNotFit(
                f"has {size} in output_shape for the axis {axis!r} of {equation!r}, which has size "
                f"{known}"
            )
        if known is None and size is None:
            raise DoesNotFit(f"needs the size of the axis {axis!r} in output_shape")
        sizes.setdefault(axis, size)
    biased = str(arguments.get("bias_axes") or "")
    for axis, size in zip(named, wanted, strict=True):
        if size is None and axis in biased:
            raise DoesNotFit(
                f"needs the size of the axis {axis!r} in output_shape, because bias_axes has it",
                f"its size is {sizes[axis]}",
            )
    if missing := sorted(set(weights) - set(sizes)):
        raise DoesNotFit(f"has an unknown axis {missing[0]!r} in {equation!r}")
    free = given[:open_axes] if left else given[len(inputs) :]
    result = tuple(sizes[axis] for axis in outputs)
    output = (*free, *result) if left else (*result, *free)
    kernel = math.prod(sizes[axis] for axis in weights)
    bias = math.prod(sizes[axis] for axis in biased) if biased else 0
    positions = math.prod(size for size in free if size)
    # The batch is an axis without a size; each other axis of the equation is a loop.
    loops = {axis: size for axis, size in sizes.items() if size}
    return Facts(
        output[1:],
        trainable=kernel + bias,
        macs=positions * math.prod(loops[axis] for axis in set(inputs + weights) & set(loops)),
        kernel=None if len(shape) < 3 else (1, 1),
    )


def global_pooling(arguments: Arguments, shape: Shape) -> Facts:
    """Take a maximum or mean over the length; with channels_first over the features."""
    length, features = _sequence(shape)
    first = arguments.get("data_format") == "channels_first"
    if arguments.get("keepdims"):
        return Facts((length, 1) if first else (1, features), kernel=None)
    return Facts((length if first else features,), kernel=None)


def zero_padding(arguments: Arguments, shape: Shape) -> Facts:
    """Add positions of zeros before and after the sequence."""
    length, features = _sequence(shape)
    return Facts((length + sum(_ends(arguments, "padding")), features))


def upsampling(arguments: Arguments, shape: Shape) -> Facts:
    """Repeat each position of the sequence."""
    length, features = _sequence(shape)
    return Facts((length * number(arguments, "size", 2), features))


def cropping(arguments: Arguments, shape: Shape) -> Facts:
    """Remove positions from the start and the end of the sequence."""
    length, features = _sequence(shape)
    removed = sum(_ends(arguments, "cropping"))
    if removed >= length:
        raise DoesNotFit(
            f"removes {removed} positions, which leaves nothing of its {shape_text(shape)} input",
            "crop less",
        )
    return Facts((length - removed, features))


def pooling(arguments: Arguments, shape: Shape) -> Facts:
    """Take a maximum or mean over windows of the sequence."""
    length, features = _sequence(shape)
    size = _one(arguments, "pool_size", 2)
    strides = size if arguments.get("strides") is None else _one(arguments, "strides", 1)
    padding = choice(arguments, "padding", "valid", ("valid", "same"))
    outputs = (
        same_size(length, strides) if padding == "same" else output_size(length, size, strides)
    )
    if outputs < 1:
        raise DoesNotFit(
            f"{size} does not fit its input of length {length}", "use padding: same, or remove it"
        )
    return Facts((outputs, features), kernel=None)


def _one(arguments: Arguments, name: str, default: int) -> int:
    value = arguments.get(name, default)
    size = value if isinstance(value, int) else value[0]
    if size < 1:
        raise DoesNotFit(f"needs {name} to be 1 or more, but it is {value}")
    return int(size)


def _ends(arguments: Arguments, name: str) -> tuple[int, int]:
    value = arguments.get(name, 1)
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _sequence(shape: Shape) -> tuple[int, int]:
    """Read length and features of an input that must be a sequence."""
    if len(shape) != 2:
        raise DoesNotFit(
            f"needs a sequence [length, features], but its input is {shape_text(shape)}",
            _TO_SEQUENCE if len(shape) == 3 else None,
        )
    return shape[0], shape[1]
