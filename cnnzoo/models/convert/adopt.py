"""Convert a saved Keras model to the configuration of the same architecture.

A chain of layers becomes a list. If a layer merges several tensors, the layers between it and the
last layer that all these tensors come from become a Residual or Branches; an architecture that does
not nest in this way is refused, with the name of the layer. Only the description in the file is
read (`cnnzoo.models.archive`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnnzoo.architecture.names import MERGE_LAYERS, is_automatic
from cnnzoo.config import catalogue
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.config.composites import ATTENTION
from cnnzoo.config.loader import make_config
from cnnzoo.config.schema import NAME
from cnnzoo.config.writer import to_yaml
from cnnzoo.errors import ConfigError, UserError
from cnnzoo.models.archive import read_architecture, read_metadata
from cnnzoo.models.convert.channels import MixedError, to_channels_last
from cnnzoo.models.convert.python_model import initializer_word
from cnnzoo.models.convert.python_text import flat, literal
from cnnzoo.text import printable

_MERGES = {layer: merge for merge, layer in MERGE_LAYERS.items()}
_MODELS = ("Sequential", "Functional", "Model")
MAX_DEPTH = 30
MAX_LAYERS = 20_000
MAX_PERIOD = 8  # layers, the longest pattern that becomes a repeat


def adopt(path: Path) -> str:
    """Return the YAML of the model in a `.keras` file: its name and its architecture.

    Raises UserError, with the name of the layer, if the model cannot be written as a configuration.
    """
    described = read_architecture(path)
    try:
        is_first = to_channels_last(described)
        raw = _raw(path, described)
        make_config(raw)
    except MixedError as mixed:
        raise UserError(
            f"{path} cannot be adopted: {mixed}",
            hint="convert it to channels-last in Python: data_format='channels_last'",
        ) from None
    except ConfigError as error:
        raise UserError(f"{path} cannot be adopted: {error.mistakes[0].message}") from None
    except _RefusedError as refused:
        version, hint = str(read_metadata(path).get("keras_version")), refused.hint
        if version.startswith("2."):
            hint = f"Keras {version} wrote it; open it with tf_keras and build it again in Keras 3"
        raise UserError(f"{path} cannot be adopted: {refused}", hint=hint) from None
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged, or of a Keras that cnnzoo does not know "
            f"({type(error).__name__}: {error})",
            hint="load it in Python and save it again as .keras",
        ) from error
    return "".join(f"# {line}\n" for line in _header(path, raw, is_first)) + _ratios(to_yaml(raw))


def _header(path: Path, raw: Mapping[str, Any], is_first: bool) -> list[str]:
    lines = [f"The architecture of {printable(path.name)}; its weights stay there."]
    if is_first:
        lines.append("It was channels-first; this is the same network on channels-last images.")
    if not re.match(
        r"Rescaling|Normalization|{'(Rescaling|Normalization)", str(raw["model"]["layers"][0])
    ):
        lines.append(
            "cnnzoo gives pixels from 0 to 255: begin with Rescaling: 1/255 if it had them to 1."
        )
    return lines


def _ratios(text: str) -> str:
    """Return the same YAML with 1/255 instead of 0.00392156862745098."""
    number = r"(?<=[ \[])-?0\.[0-9]{12,}(?=[,}\]\n])"
    return re.sub(number, lambda found: flat(literal(float(found[0]))).replace(" ", ""), text)


class _RefusedError(Exception):
    """A part of a model that a configuration cannot express, and a hint."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def _raw(path: Path, described: Mapping[str, Any]) -> dict[str, Any]:
    reader = _Reader()
    layers = _folded(reader.model(described, 0))
    model: dict[str, Any] = {"input_shape": reader.input_shape}
    classes = _classes(layers)
    if classes:
        model["classes"] = classes
        layers[-1]["Dense"]["units"] = "$classes"
    names = [str(described["config"].get("name", "")), re.sub(r"\W+", "_", path.stem), "model"]
    name = next(name for name in names if re.fullmatch(NAME, name))
    return {"name": name, "model": {**model, "layers": layers}}


def _classes(items: list[Any]) -> int | None:
    """Return the units of a softmax at the end."""
    last = items[-1] if items else None
    arguments = last.get("Dense") if isinstance(last, dict) else None
    if not isinstance(arguments, dict) or arguments.get("activation") != "softmax":
        return None
    units = arguments["units"]
    return units if isinstance(units, int) and units >= 2 else None


# ── models: chains and graphs of layers ────────────────────────────────────────────────────────


@dataclass
class _Reader:
    """Read models into layer items and count layers; `input_shape` is that of the outer model."""

    input_shape: list[int] = field(default_factory=list)
    count: int = 0

    def model(self, described: Mapping[str, Any], depth: int) -> list[Any]:
        """Return the items of a model or of a nested model."""
        kind, config = described["class_name"], described["config"]
        if kind not in _MODELS or not _is_of_keras(described):
            raise _RefusedError(
                f"it is a {kind}, with layers in Python code that is not in the file",
                "only Sequential and functional models can be adopted",
            )
        if depth > MAX_DEPTH:
            raise _RefusedError(f"its models are nested deeper than {MAX_DEPTH}")
        if kind == "Sequential":
            return self._chain(config, depth)
        graph = _Graph.of(config, self)
        if not depth:
            self._take_shape(graph.layers[graph.start]["config"].get("batch_shape"))
        return _Nesting(graph, self, depth).items()

    def _chain(self, config: Mapping[str, Any], depth: int) -> list[Any]:
        items = []
        shape = config.get("build_input_shape")
        for layer in config["layers"]:
            if layer["class_name"] == "InputLayer":
                shape = layer["config"].get("batch_shape")
            else:
                items += self.layer(layer, depth)
        if not depth:
            self._take_shape(shape)
        return items

    def _take_shape(self, shape: Any) -> None:
        if not isinstance(shape, list) or len(shape) != 4:
            raise _RefusedError(
                f"its input is {shape and shape[1:]}, not images of height, width and channels"
            )
        if None in shape[1:]:
            raise _RefusedError(
                f"its input has no fixed size: {shape[1:]}",
                "build it in Python with a fixed input shape, and save that",
            )
        self.input_shape = shape[1:]

    def layer(self, described: Mapping[str, Any], depth: int) -> list[Any]:
        """Return the item of a layer, or the items of a nested model."""
        self.count += 1
        if self.count > MAX_LAYERS:
            raise _RefusedError(f"it has more than {MAX_LAYERS:,} layers")
        if described["class_name"] in _MODELS and _is_of_keras(described):
            return self.model(described, depth + 1)
        return [_layer_item(described)]


@dataclass
class _Graph:
    """A functional model: its layers, and for each the names of its input layers in order."""

    layers: dict[str, Mapping[str, Any]]
    inputs: dict[str, list[str]]
    start: str
    end: str

    @classmethod
    def of(cls, config: Mapping[str, Any], reader: _Reader) -> _Graph:
        """Return the graph of a description; refuse several inputs or outputs."""
        layers = {layer["config"]["name"]: layer for layer in config["layers"]}
        if len(layers) != len(config["layers"]):
            raise _RefusedError("two of its layers have the same name")
        ends = {key: _tensors(config[f"{key}_layers"]) for key in ("input", "output")}
        for key, tensors in ends.items():
            if len(tensors) != 1:
                raise _RefusedError(f"it has {len(tensors)} {key}s, and a classifier has one")
        inputs = {name: _inputs(name, layer) for name, layer in layers.items()}
        return cls(layers, inputs, ends["input"][0], ends["output"][0])

    def in_order(self) -> list[str]:
        """Return the layers that the output depends on, each after its inputs."""
        order: list[str] = []
        done: set[str] = set()
        stack = [(self.end, iter(self.inputs[self.end]))]
        entered = {self.end}
        while stack:
            name, inputs = stack[-1]
            below = next(inputs, None)
            if below is None:
                order.append(name)
                done.add(name)
                stack.pop()
            elif below not in entered:
                entered.add(below)
                stack.append((below, iter(self.inputs[below])))
            elif below not in done:
                raise _RefusedError(f"the layer {below!r} takes its own output")
        return order


def _tensors(written: Any) -> list[str]:
    """Return the layer of `["name", 0, 0]`, or the layers of a list of these."""
    if written and isinstance(written[0], str):
        written = [written]
    return [tensor[0] for tensor in written]


def _inputs(name: str, layer: Mapping[str, Any]) -> list[str]:
    """Return the names of the input layers of a layer."""
    nodes = layer.get("inbound_nodes", [])
    if len(nodes) > 1:
        raise _RefusedError(
            f"the layer {name!r} is used {len(nodes)} times, and shares its weights"
        )
    found = _keras_tensors(nodes)
    if isinstance(nodes, list) and nodes and isinstance(nodes[0], list):  # as Keras 2 wrote them
        found = [tuple(tensor[:3]) for tensor in nodes[0]]
    if nodes and isinstance(nodes[0], dict) and _keras_tensors(nodes[0].get("kwargs")):
        raise _RefusedError(f"the layer {name!r} takes a tensor as a keyword argument")
    for source, _, index in found:
        if index:
            raise _RefusedError(f"the layer {name!r} takes output {index} of {source!r}")
    sources = [source for source, _, _ in found]
    if layer["class_name"] in ATTENTION and len(set(sources)) == 1:
        return sources[:1]  # self-attention: query, key and value are one tensor
    return sources


def _keras_tensors(value: Any) -> list[tuple[str, int, int]]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        name, node, tensor = value["config"]["keras_history"]
        return [(name, node, tensor)]
    parts = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return []
    return [found for part in parts for found in _keras_tensors(part)]


class _Nesting:
    """Writes a graph as items, with dominators: layers that every path to another layer passes.

    After Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm", 2001; one pass is
    enough in a graph without cycles.
    """

    def __init__(self, graph: _Graph, reader: _Reader, depth: int) -> None:
        self.graph, self.reader, self.depth = graph, reader, depth
        self.above: dict[str, str] = {}  # the nearest dominator of each layer
        self.level = {graph.start: 0}
        self.used: set[str] = set()
        for name in graph.in_order():
            if name == graph.start:
                continue
            if not graph.inputs[name]:
                raise _RefusedError(f"the layer {name!r} is a second input")
            nearest = graph.inputs[name][0]
            for other in graph.inputs[name][1:]:
                nearest = self._common(nearest, other)
            self.above[name] = nearest
            self.level[name] = self.level[nearest] + 1

    def items(self) -> list[Any]:
        """Return the items of the whole graph."""
        start, end = self.graph.start, self.graph.end
        # If the model is one composite, the order of the branches is that of the merge.
        alone = bool(self.depth) and self.above.get(end) == start
        return self._between(start, end, 0, alone)

    def _common(self, one: str, other: str) -> str:
        while one != other:
            if self.level[one] < self.level[other]:
                one, other = other, one
            one = self.above[one]
        return one

    def _between(self, start: str, end: str, depth: int, alone: bool = False) -> list[Any]:
        """Return the items between the output of one layer and that of another."""
        if depth > MAX_DEPTH:
            raise _RefusedError(f"its branches are nested deeper than {MAX_DEPTH}")
        backwards: list[list[Any]] = []
        while end != start:
            layer = self.graph.layers[end]
            if end in self.used:
                raise _RefusedError(
                    f"the output of the layer {end!r} goes to places that no Residual or Branches "
                    "merges",
                    "only nested branches can be adopted",
                )
            self.used.add(end)
            above = self.above[end]
            inputs = self.graph.inputs[end]
            if len(inputs) > 1:
                branches = [self._between(above, name, depth + 1) for name in inputs]
                backwards.append([_composite(layer, branches, alone)])
            else:
                backwards.append(self.reader.layer(layer, self.depth))
            end = above
        return [item for items in reversed(backwards) for item in items]


def _composite(
    layer: Mapping[str, Any], branches: list[list[Any]], keep_order: bool
) -> dict[str, Any]:
    """Return the composite that ends in a merging layer."""
    name = layer["config"].get("name")
    kind = layer["class_name"]
    merge = _MERGES.get(kind) if _is_of_keras(layer) else None
    if merge is None:
        raise _RefusedError(f"the layer {name!r} ({kind}) takes {len(branches)} tensors")
    if merge == "concatenate" and layer["config"].get("axis", -1) not in (-1, 3):
        raise _RefusedError(
            f"the layer {name!r} concatenates along {layer['config']['axis']}, not -1"
        )
    if merge == "add" and len(branches) == 2 and any(branches):
        body, shortcut = branches
        if not body or (not keep_order and len(body) < len(shortcut)):
            body, shortcut = shortcut, body
        return {"Residual": {"layers": body, **({"shortcut": shortcut} if shortcut else {})}}
    merged = {} if merge == "concatenate" else {"merge": merge}
    return {"Branches": {**merged, "branches": branches}}


def _folded(items: list[Any]) -> list[Any]:
    """Return the same items with `repeat` instead of consecutive copies."""
    folded: list[Any] = []
    position = 0
    while position < len(items):
        period, times = _repetition(items, position)
        layers = [_folded_within(item) for item in items[position : position + period]]
        folded += layers if times == 1 else [{"repeat": times, "layers": layers}]
        position += period * times
    return folded


def _repetition(items: list[Any], position: int) -> tuple[int, int]:
    """Return the period and count of the repetition that saves most from here on, or (1, 1)."""
    best, saved = (1, 1), 1  # a repeat is itself two lines
    for period in range(1, 1 + min(MAX_PERIOD, (len(items) - position) // 2)):
        pattern, times = items[position : position + period], 1
        while pattern == items[position + period * times : position + period * (times + 1)]:
            times += 1
        if period * (times - 1) > saved:
            best, saved = (period, times), period * (times - 1)
    return best


def _folded_within(item: Any) -> Any:
    if isinstance(item, dict) and "Residual" in item:
        return {"Residual": {key: _folded(layers) for key, layers in item["Residual"].items()}}
    if isinstance(item, dict) and "Branches" in item:
        branches = [_folded(branch) for branch in item["Branches"]["branches"]]
        return {"Branches": {**item["Branches"], "branches": branches}}
    return item


# ── layers and their arguments ─────────────────────────────────────────────────────────────────


def _is_of_keras(described: Mapping[str, Any]) -> bool:
    module = described.get("module") or ""
    registered = described.get("registered_name")  # package>Class for a custom class
    return module.split(".")[0] == "keras" and registered in (None, described["class_name"])


def _layer_item(described: Mapping[str, Any]) -> Any:
    """Return a layer in the notation."""
    name, kind = described["config"].get("name"), described["class_name"]
    entry = catalogue.entry("layers", kind)
    reason = catalogue.refusal("layers", kind)
    if not _is_of_keras(described):
        reason = "it is not a layer of Keras"
    elif ".ops." in described["module"]:
        reason = "it is an operation on tensors, not a layer"
    if entry is None or reason:
        raise _RefusedError(
            f"the layer {name!r} ({kind}): {reason or 'it is not in the catalogue'}"
        )
    try:
        return _in_notation(entry, _from_the_end(described))
    except _RefusedError as refused:
        raise _RefusedError(f"the layer {name!r} ({kind}): {refused}") from None


def _from_the_end(described: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments of a layer, the last axis written as -1, which is equivalent."""
    config: Mapping[str, Any] = described["config"]
    shape = (described.get("build_config") or {}).get("input_shape")
    if isinstance(shape, list) and shape and config.get("axis") == len(shape) - 1:
        return {**config, "axis": -1}
    return config


def _in_notation(entry: Entry, config: Mapping[str, Any]) -> Any:
    """Return a class with the arguments that differ from Keras' defaults."""
    written: dict[str, Any] = {}
    for key, value in config.items():
        argument = entry.arguments.get(key)
        if argument is None:
            if value not in (None, False, "channels_last", {}, []):
                raise _RefusedError(f"its {key} is {value!r}, which a configuration cannot express")
            continue
        plain = _value(argument, value)
        if argument.required or not _is_default(entry, argument, plain, config):
            written[key] = plain
    if not written:
        return entry.name
    first = next(iter(entry.arguments))
    short = written.get(first)
    if list(written) == [first] and isinstance(short, int | float | str):
        return {entry.name: short}
    order = list(entry.arguments)
    return {entry.name: {key: written[key] for key in sorted(written, key=order.index)}}


def _value(argument: Argument, value: Any) -> Any:
    """Return the value of an argument in the notation, in its short form."""
    if isinstance(value, dict):
        return _object(argument, value)
    if argument.type == "activations" and value == "linear" and argument.nullable:
        return None
    return _shortened(argument.type, value)


def _object(argument: Argument, value: Mapping[str, Any]) -> Any:
    """Return a Keras object that is an argument."""
    kind, config = value["class_name"], value["config"]
    if argument.name == "dtype" and kind == "DTypePolicy":
        return None if config["name"] == "float32" else config["name"]
    namespace = argument.namespace
    if namespace == "activations":
        namespace = "layers"
    entry = catalogue.entry(namespace, kind) if namespace else None
    if entry is None or not _is_of_keras(value):
        raise _RefusedError(f"its {argument.name} is {kind}, which a configuration cannot name")
    written = _in_notation(entry, config)
    return initializer_word(written) if written == entry.name else written


def _shortened(kind: str, value: Any) -> Any:
    """Return `[2, 2]` as 2 if Keras treats them alike."""
    if isinstance(value, list | tuple):
        pairs = [item for item in value if isinstance(item, list | tuple)]
        if kind.startswith("margin") and pairs and all(before == after for before, after in pairs):
            value = [before for before, _ in pairs]
        # Rows and columns alike, but not both sides of them: [[0, 1], [0, 1]] is not [0, 1].
        uneven = bool(value) and isinstance(value[0], list | tuple)
        same = bool(value) and not uneven and all(item == value[0] for item in value[1:])
        if same and kind.startswith(("size", "offset", "margin")):
            return value[0]
        if kind == "int_or_ints" and len(value) == 1:
            return value[0]
    return value


def _is_default(entry: Entry, argument: Argument, plain: Any, config: Mapping[str, Any]) -> bool:
    default = _shortened(argument.type, argument.default)
    if isinstance(default, tuple):
        default = list(default)
    if argument.namespace and isinstance(default, str) and isinstance(plain, str):
        aliases = catalogue.aliases(argument.namespace)
        return aliases.get(default, default) == aliases.get(plain, plain)
    if plain == default and type(plain) is not bool and type(default) is not bool:
        return True
    match argument.name:
        case "name":
            unsayable = catalogue.mismatch(argument, plain) is not None
            return unsayable or is_automatic(str(plain), entry.name)
        case "data_format":
            return bool(plain == "channels_last")
        case "strides" if "Pooling" in entry.name:
            return bool(_shortened(argument.type, config["pool_size"]) == plain)
    if isinstance(plain, list) and len(plain) == 2 and isinstance(default, int | float):
        return plain[1] == default and plain[0] in (0, -default)  # a bound written as a range
    return plain is default
