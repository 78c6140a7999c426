"""An architecture as text: a table for the terminal, Markdown, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rich.markup import escape
from rich.table import Table

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.architecture.layers import Architecture, Layer, title, walk
from cnnzoo.architecture.names import layer_names
from cnnzoo.terminal.console import new_table
from cnnzoo.training.checks import CheckedConfig

_HEADINGS = ("layer", "output", "parameters", "MACs", "receptive field")


def as_table(checked: CheckedConfig) -> Table:
    """Return a table of the layers; those inside composites are indented."""
    table = new_table()
    for heading in _HEADINGS:
        numeric = heading in ("parameters", "MACs", "receptive field")
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=True)
    for row in _rows(checked.architecture):
        table.add_row(*map(escape, row))
    return table


def as_markdown(checked: CheckedConfig) -> str:
    """Return the layers as a Markdown table with the totals below."""
    lines = [_HEADINGS, ("---", "---", "---:", "---:", "---:"), *_rows(checked.architecture)]
    table = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([*table, "", totals(checked)])


def as_json(checked: CheckedConfig) -> str:
    """Return everything that is known of the architecture as JSON."""
    architecture = checked.architecture
    return json.dumps(
        {
            "name": checked.config.name,
            "input_shape": architecture.input_shape,
            "output_shape": architecture.output_shape,
            "parameters": architecture.parameters,
            "trainable": architecture.trainable,
            "macs": architecture.macs,
            "activation_bytes": activation_bytes(architecture),
            "layers": _layers_json(architecture.layers, iter(names(architecture))),
        },
        indent=2,
    )


def totals(checked: CheckedConfig) -> str:
    """Return the totals in one sentence."""
    architecture, batch = checked.architecture, checked.config.training.batch_size
    batch = 32 if batch == "auto" else batch  # the real one follows from the data
    note = measured_note(architecture)
    return (
        f"{architecture.parameters:,} parameters ({architecture.trainable:,} trainable), "
        f"{architecture.macs:,} MACs per image, "
        f"{activation_bytes(architecture) * batch / 2**20:,.1f} MiB of activations "
        f"for a batch of {batch}" + (f"\n{note}" if note else "")
    )


def measured_note(architecture: Architecture) -> str:
    """Return a note on layers that Keras had to measure; empty if there are none."""
    names = dict.fromkeys(layer.name for layer in walk(architecture.layers) if layer.measured)
    return (
        f"measured by Keras, without MACs and receptive field: {', '.join(names)}" if names else ""
    )


def activation_bytes(architecture: Architecture) -> int:
    """Return the bytes of the outputs of all layers for one image, as float32."""
    return 4 * architecture.activations


def _rows(architecture: Architecture) -> Iterator[tuple[str, ...]]:
    yield ("input", shape_text(architecture.input_shape), "", "", "")
    yield from _layer_rows(architecture.layers, "")


def names(architecture: Architecture) -> list[str]:
    """Return the path of each layer, as `training.freeze` takes it."""
    return [path for path, _ in layer_names(architecture.layers)]


def _layer_rows(layers: tuple[Layer, ...], indent: str) -> Iterator[tuple[str, ...]]:
    for layer in layers:
        (height, width), (down, right) = layer.receptive_field.size, layer.receptive_field.stride
        stride = f"{_number(down)}x{_number(right)}"
        yield (
            indent + _with_name(layer),
            shape_text(layer.output_shape),
            f"{layer.parameters:,}" if layer.parameters else "",
            f"{layer.macs:,}" if layer.macs else "",
            f"{height}x{width} / {stride}",
        )
        for number, branch in enumerate(layer.branches, 1):
            if branch:
                name = _branch_name(layer, number)
                yield (f"{indent}  {name}", "", "", "", "")
                yield from _layer_rows(branch, indent + "    ")


def _with_name(layer: Layer) -> str:
    """Return the title of a layer, after the name that the configuration gives it, if any."""
    described = title(layer.name, layer.arguments)
    name = layer.arguments.get("name")
    return f"{name}: {described}" if name else described


def _branch_name(layer: Layer, number: int) -> str:
    return ("layers", "shortcut")[number - 1] if layer.name == "Residual" else f"branch {number}"


def _number(stride: float) -> str:
    return f"{float(stride):g}"


def _layers_json(layers: tuple[Layer, ...], paths: Iterator[str]) -> list[dict[str, Any]]:
    return [_layer_json(layer, paths) for layer in layers]


def _layer_json(layer: Layer, paths: Iterator[str]) -> dict[str, Any]:
    return {
        "name": layer.name,
        "path": next(paths),
        "input_shape": layer.input_shape,
        "output_shape": layer.output_shape,
        "trainable": layer.trainable,
        "non_trainable": layer.non_trainable,
        "macs": layer.macs,
        "measured_by_keras": layer.measured,
        "receptive_field": layer.receptive_field.size,
        "receptive_field_stride": [float(stride) for stride in layer.receptive_field.stride],
        "branches": [_layers_json(branch, paths) for branch in layer.branches],
    }
