"""The classes that a saved model may name, checked before Keras creates any of them.

A `.keras` file names classes and functions that Keras imports and calls with arguments from the
file. Some run code from the file or another one, read files or write them. Only the classes of the
catalogue, and those that Keras itself writes around them, are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cnnzoo import limits
from cnnzoo.config import catalogue

Path = tuple[str | int, ...]

# Layers that a configuration cannot name, because they take several inputs or are a part of another
# layer. None of them runs code or opens a file.
_LAYERS = """
    InputLayer Add Average Concatenate Dot Maximum Minimum Multiply Subtract
    AdditiveAttention Attention Embedding GroupQueryAttention MultiHeadAttention
    GRUCell LSTMCell Pipeline RNN SimpleRNNCell StackedRNNCells
"""
_POLICIES = """
    AWQDTypePolicy DTypePolicy DTypePolicyMap FloatDTypePolicy GPTQDTypePolicy Int4DTypePolicy
    QuantizedDTypePolicy QuantizedFloat8DTypePolicy
"""
_QUANTIZERS = """
    AWQConfig AbsMaxQuantizer Float8QuantizationConfig GPTQConfig Int4QuantizationConfig
    Int8QuantizationConfig
"""
# Operations of functional models: `x / 127.5`, `keras.applications.resnet50.preprocess_input(x)`.
# Each computes with tensors and numbers only.
_ARITHMETIC = """
    Abs Absolute Add Amax Amin Clip Concatenate Divide Exp ExpandDims Flip GetItem Log Max Maximum
    Mean Min Minimum Multiply Negative Power Reciprocal Reshape Sqrt Square Squeeze Stack Subtract
    Sum Swapaxes Tanh Transpose TrueDivide
"""
_FUNCTIONS = """
    Celu Elu Gelu Glu HardSigmoid HardSilu HardTanh LeakyRelu LogSigmoid LogSoftmax Normalize Relu
    Relu6 Selu Sigmoid Silu Softmax Softplus Softsign
"""
# Module in the file → the classes that are allowed in addition to those of the catalogue.
_BY_KERAS = {
    "keras": "Functional Model Sequential " + _POLICIES,
    "keras.models": "Functional Model Sequential",
    "keras.src.models.functional": "Functional",
    "keras.src.models.sequential": "Sequential",
    "keras.layers": _LAYERS,
    "keras.dtype_policies": _POLICIES,
    "keras.src.dtype_policies.dtype_policy": _POLICIES,
    "keras.src.dtype_policies.dtype_policy_map": "DTypePolicyMap",
    "keras.quantizers": _QUANTIZERS,
    "keras.random": "SeedGenerator",
    "keras.src.random.seed_generator": "SeedGenerator",
    "keras.src.applications.convnext": "LayerScale StochasticDepth",
    "keras.src.applications.inception_resnet_v2": "CustomScaleLayer",
    "keras.src.ops.numpy": _ARITHMETIC,
    "keras.src.ops.nn": _FUNCTIONS,
    "keras.src.ops.core": "Cast StopGradient",
}
# Namespace of the catalogue → module.
_MODULES = {
    "layers": "keras.layers",
    "initializers": "keras.initializers",
    "regularizers": "keras.regularizers",
    "constraints": "keras.constraints",
}
_FUNCTION_MODULES = ("keras.activations", "builtins")
_TENSOR = "__keras_tensor__"
_VALUES = (_TENSOR, "__numpy__", "__tensor__", "__slice__", "__ellipsis__")
_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64"),
)
_REASONS = {
    "__lambda__": "it carries Python code",
    "__typespec__": "it names a type of TensorFlow",
    "function": "it calls a function",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A class in a saved model that is not allowed: its name, its place and the reason."""

    name: str
    place: str
    reason: str

    def __str__(self) -> str:
        place = f" ({self.place})" if self.place else ""
        return f"{self.name}{place}: {self.reason}"


class TooLargeError(Exception):
    """A description of a model that exceeds a limit; the message has the numbers."""


def check_extent(described: Mapping[str, Any]) -> None:
    """Raise TooLargeError if a description of a model is nested too deeply or makes too much."""
    if _objects(described) > limits.OBJECTS:
        raise TooLargeError(f"its layers make more than {limits.OBJECTS:,} objects")


def uncompiled(described: Any) -> Any:
    """Return the description of a model without the `compile_config` of it and of nested models.

    It names losses, metrics and optimizers, which are not needed to predict.
    """
    if isinstance(described, list):
        return [uncompiled(part) for part in described]
    if isinstance(described, dict):
        return {k: uncompiled(part) for k, part in described.items() if k != "compile_config"}
    return described


def refusals(described: Mapping[str, Any]) -> list[Refusal]:
    """Return each use of a class that is not allowed in the description of a model, in order."""
    return [
        Refusal(_name(part), place_text(path), reason)
        for path, part in _walk(described)
        if (reason := _reason(part)) is not None
    ]


def place_text(path: Path) -> str:
    """Return a place in a model as text: `block.conv2d.kernel_initializer`."""
    return ".".join(str(step) for step in path if step not in ("config", "layers"))


def _walk(model: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each object that a description names, with its place, before those within it."""
    stack: list[tuple[Path, Any]] = [((), model)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            if "class_name" in value or "inbound_nodes" in value:
                yield path, value
            parts = [((*path, key), part) for key, part in value.items()]
        else:
            parts = [((*path, _step(number, part)), part) for number, part in enumerate(value)]
        stack += [(place, part) for place, part in reversed(parts) if isinstance(part, dict | list)]


def _step(number: int, part: Any) -> str | int:
    """Return the name of a layer in a list, or its number."""
    config = part.get("config") if isinstance(part, dict) else None
    name = config.get("name") if isinstance(config, dict) else None
    return name if isinstance(name, str) else number


def _objects(value: Any, depth: int = 0) -> int:
    """Return the most objects that Keras makes; a nested model called twice counts twice."""
    if depth > limits.JSON_DEPTH:
        raise TooLargeError(f"its layers are nested deeper than {limits.JSON_DEPTH}")
    if isinstance(value, list):
        return sum(_objects(part, depth + 1) for part in value if isinstance(part, dict | list))
    nodes = value.get("inbound_nodes")
    inner = sum(
        _objects(part, depth + 1)
        for key, part in value.items()
        if key != "inbound_nodes" and isinstance(part, dict | list)
    )
    calls = len(nodes) if isinstance(nodes, list) else 1
    copies = 2 if value.get("class_name") == "Bidirectional" else 1
    return (1 + inner) * max(calls, 1) * copies


def _name(described: Mapping[str, Any]) -> str:
    name = described.get("class_name")
    if name == "function" and isinstance(described.get("config"), str):
        return f"{described.get('module')}.{described['config']}"
    return str(name)


def _reason(described: Mapping[str, Any]) -> str | None:
    """Return the reason why an object is not allowed; None if it is."""
    reason = _reason_of_class(described) if "class_name" in described else None
    if reason is None and not _takes_tensors(described.get("inbound_nodes", [])):
        return "it is called without the output of a layer"
    return reason


def _reason_of_class(described: Mapping[str, Any]) -> str | None:
    name, module = described["class_name"], described.get("module")
    config, registered = described.get("config"), described.get("registered_name")
    if name in _VALUES:
        return _reason_of_value(config)
    if not isinstance(name, str) or (name in _REASONS and name != "function"):
        return _REASONS.get(str(name), "it has no name")
    if name == "function":
        known = isinstance(config, str) and catalogue.entry("activations", config) is not None
        allowed = module in _FUNCTION_MODULES and known and registered in (None, config)
        return None if allowed else _REASONS[name]
    if isinstance(module, str) and name in _classes().get(module, ()):
        return None if registered in (None, name) else f"it is registered as {registered}"
    if not isinstance(module, str) or module.split(".")[0] != "keras":
        return "it is a custom class; a .keras file does not hold its code"
    reason = catalogue.refusal("layers", name) if module == "keras.layers" else None
    return reason or "it is not in the catalogue of cnnzoo"


def _reason_of_value(config: Any) -> str | None:
    dtype = config.get("dtype", "float32") if isinstance(config, dict) else "float32"
    return None if dtype in _DTYPES else f"its dtype is {dtype!r}"


def _takes_tensors(nodes: Any) -> bool:
    """Return whether each call takes the output of another layer; others compute when loaded."""
    # Lists are references to layers, as Keras 2 wrote them.
    return isinstance(nodes, list) and all(
        isinstance(node, list)
        or (
            isinstance(node, dict)
            and any(part.get("class_name") == _TENSOR for _, part in _walk(node))
        )
        for node in nodes
    )


@cache
def _classes() -> Mapping[str, frozenset[str]]:
    """Return the names of the allowed classes of each module."""
    allowed = {module: set(names.split()) for module, names in _BY_KERAS.items()}
    for namespace, module in _MODULES.items():
        names = {*catalogue.names(namespace), *catalogue.aliases(namespace)}
        allowed.setdefault(module, set()).update(names)
    return {module: frozenset(names) for module, names in allowed.items()}
