"""Types of the arguments in the catalogue: one table for messages, checks and editors.

A form is a predicate on plain values together with the JSON Schema of the same values, so that the
loader and an editor agree. To add a type, add a line to `TYPES`.
"""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

Check = Callable[[object], bool]
Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Return the schema that refers to a definition."""
    return {"$ref": f"#/$defs/{name}"}


def any_of(*schemas: Schema) -> Schema:
    """Return the schema of values that fit at least one of the schemas."""
    return {"anyOf": list(schemas)}


EXPRESSION = ref("expression")


@dataclass(frozen=True, slots=True)
class Form:
    """A set of plain values: the predicate of the loader and the JSON Schema of editors."""

    holds: Check
    schema: Schema


@dataclass(frozen=True, slots=True)
class Type:
    """A type of arguments: `words` follow "must be"; `namespace` is set if the value is a class.

    Keras needs a float for a type with `is_float`, even if the value is whole.
    """

    words: str
    form: Form
    namespace: str | None = None
    is_float: bool = False


def is_int(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer; a bool is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    # The comparison also refuses nan, the infinities, and integers that no float can hold.
    return (is_int(value) or isinstance(value, float)) and abs(value) <= sys.float_info.max


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}


def _within(value: float, bounds: Mapping[str, float]) -> bool:
    return all(_COMPARISONS[name](value, bound) for name, bound in bounds.items())


def _int(**bounds: int) -> Form:
    return Form(
        lambda value: is_int(value) and _within(value, bounds), {"type": "integer", **bounds}
    )


def _number(**bounds: float) -> Form:
    return Form(
        lambda value: _is_number(value) and _within(value, bounds),
        any_of({"type": "number", **bounds}, ref("ratio")),
    )


def _const(constant: object) -> Form:
    return Form(
        lambda value: type(value) is type(constant) and value == constant, {"const": constant}
    )


def _matching(pattern: str) -> Form:
    whole = re.compile(pattern)
    return Form(
        lambda value: isinstance(value, str) and whole.fullmatch(value) is not None,
        {"type": "string", "pattern": f"^{pattern}$"},
    )


def _list_of(item: Form, length: int | None = None) -> Form:
    lengths = {} if length is None else {"minItems": length, "maxItems": length}
    return Form(
        lambda value: (
            isinstance(value, list | tuple)
            and (length is None or len(value) == length)
            and all(item.holds(each) for each in value)
        ),
        {"type": "array", "items": any_of(item.schema, EXPRESSION), **lengths},
    )


def _either(*forms: Form) -> Form:
    return Form(
        lambda value: any(form.holds(value) for form in forms),
        any_of(*(form.schema for form in forms)),
    )


def _one_or_list_of(item: Form, length: int | None = None) -> Form:
    return _either(item, _list_of(item, length))


def _one_or_nested(item: Form, depth: int) -> Form:
    forms = [item]
    for _ in range(depth):
        forms.append(_list_of(forms[-1]))
    return _either(*forms)


def _is_weights(value: object) -> bool:
    """Return whether a value is imagenet or a local file; a URL is not accepted."""
    if not isinstance(value, str) or "://" in value:
        return False
    return value == "imagenet" or value.endswith((".keras", ".h5"))  # includes .weights.h5


def _is_named_object(value: object) -> bool:
    """Return whether a value has the form of the notation: a name, or one name with arguments."""
    if isinstance(value, Mapping):
        return len(value) == 1 and all(isinstance(name, str) for name in value)
    return isinstance(value, str)


def _object(namespace: str) -> Form:
    return Form(_is_named_object, ref(namespace))


_BOOL = Form(lambda value: isinstance(value, bool), {"type": "boolean"})
_STRING = Form(lambda value: isinstance(value, str), {"type": "string"})
_NULL = Form(lambda value: value is None, {"type": "null"})
_INT = _int()
_COUNT = _int(minimum=0)
_POSITIVE = _int(minimum=1)
_NUMBER = _number()
_FRACTION = _number(minimum=0, maximum=1)
_PAIR = _list_of(_COUNT, 2)

# A name becomes part of paths inside the saved model, hence no slash and no leading dot; TensorFlow
# refuses spaces in the name of a layer.
_NAME = _matching("[A-Za-z0-9_][A-Za-z0-9_.-]*")

_SIZES = _list_of(_either(_POSITIVE, _const(-1)))
_TARGET_SHAPE = Form(
    lambda value: isinstance(value, list | tuple) and _SIZES.holds(value) and value.count(-1) <= 1,
    _SIZES.schema,
)
_WEIGHTS = Form(
    _is_weights,
    any_of({"const": "imagenet"}, {"type": "string", "pattern": r"^(?!.*://).*\.(keras|h5)$"}),
)

TYPES: Mapping[str, Type] = {
    "bool": Type("true or false", _BOOL),
    "int": Type("an integer", _INT),
    "non_negative_int": Type("an integer, 0 or more", _COUNT),
    "positive_int": Type("a positive integer", _POSITIVE),
    "number": Type("a number", _NUMBER, is_float=True),
    "non_negative_number": Type("a number, 0 or more", _number(minimum=0), is_float=True),
    "positive_number": Type("a positive number", _number(exclusiveMinimum=0), is_float=True),
    "fraction": Type("a number from 0 to 1", _FRACTION, is_float=True),
    "rate": Type(
        "a number from 0 to below 1", _number(minimum=0, exclusiveMaximum=1), is_float=True
    ),
    "string": Type("a string", _STRING),
    "name": Type("a name of letters, digits, '_', '-' and '.'", _NAME),
    "names": Type("a list of names", _list_of(_NAME)),
    "ints": Type("a list of integers", _list_of(_INT)),
    "int_or_ints": Type("an integer or a list of integers", _one_or_list_of(_INT)),
    "numbers": Type("a list of numbers", _list_of(_NUMBER)),
    "number_or_numbers": Type("a number or a list of numbers", _one_or_list_of(_NUMBER)),
    "number_or_nested": Type(
        "a number, or nested lists of numbers in the shape of the weights",
        _one_or_nested(_NUMBER, 5),
        is_float=True,
    ),
    "number_pair": Type("a list of 2 numbers", _list_of(_NUMBER, 2)),
    "number_or_pair": Type("a number or a list of 2", _one_or_list_of(_NUMBER, 2)),
    "fraction_or_pair": Type("a number from 0 to 1, or a list of 2", _one_or_list_of(_FRACTION, 2)),
    "int_pair": Type("a list of 2 positive integers", _list_of(_POSITIVE, 2)),
    "shape": Type(
        "a list of positive integers, null for an open size",
        _list_of(_either(_POSITIVE, _NULL)),
    ),
    "target_shape": Type("a list of positive integers, one of which may be -1", _TARGET_SHAPE),
    "size_1d": Type("a positive integer", _one_or_list_of(_POSITIVE, 1)),
    "size_2d": Type("a positive integer or a list of 2", _one_or_list_of(_POSITIVE, 2)),
    "size_3d": Type("a positive integer or a list of 3", _one_or_list_of(_POSITIVE, 3)),
    "offset_1d": Type("an integer, 0 or more", _one_or_list_of(_COUNT, 1)),
    "offset_2d": Type("an integer, 0 or more, or a list of 2", _one_or_list_of(_COUNT, 2)),
    "offset_3d": Type("an integer, 0 or more, or a list of 3", _one_or_list_of(_COUNT, 3)),
    "margin_1d": Type("an integer, 0 or more, or a list of 2", _one_or_list_of(_COUNT, 2)),
    "no": Type("false (write the head as layers)", _const(False)),
    "weights": Type("imagenet, or a file that ends in .keras or .h5", _WEIGHTS),
    "margin_2d": Type(
        "an integer, 0 or more, or a list of 2, or a list of 2 pairs",
        _either(_COUNT, _list_of(_COUNT, 2), _list_of(_PAIR, 2)),
    ),
    "margin_3d": Type(
        "an integer, 0 or more, or a list of 3, or a list of 3 pairs",
        _either(_COUNT, _list_of(_COUNT, 3), _list_of(_PAIR, 3)),
    ),
    "schedules_or_number": Type(
        "a number, 0 or more, or a schedule, such as "
        "{CosineDecay: {initial_learning_rate: 0.1, decay_steps: 1000}}",
        _either(_number(minimum=0), _object("schedules")),
        namespace="schedules",
        is_float=True,
    ),
    "enum": Type("one of its values", _STRING),  # the values are those of each argument
    # The types whose value is a class have the name of its namespace.
    "layers": Type(
        "a layer, such as {Conv2D: {filters: 8, kernel_size: 3}}", _object("layers"), "layers"
    ),
    "optimizers": Type(
        "an optimizer, such as {Adam: {learning_rate: 0.001}}", _object("optimizers"), "optimizers"
    ),
    "initializers": Type(
        "an initializer, such as he_normal", _object("initializers"), "initializers"
    ),
    "regularizers": Type(
        "a regularizer, such as {L2: 0.0001}", _object("regularizers"), "regularizers"
    ),
    "constraints": Type(
        "a constraint, such as {MaxNorm: 2}", _object("constraints"), "constraints"
    ),
    "activations": Type("an activation, such as relu", _object("activations"), "activations"),
}
