"""The architecture on a page: interactive feature volumes, and a table of the layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.architecture.layers import Architecture, Layer, title
from cnnzoo.reporting.stages import KINDS, kind_of, stages
from cnnzoo.reporting.style import TIMES
from cnnzoo.reporting.volumes import Volume, volumes

_PIXELS = 56  # per inch of a drawing
_OFFSET = 4  # between stacked planes, pixels
MAX_ROWS = 400  # of the table


@dataclass(frozen=True, slots=True)
class Row:
    """One layer of the table, inside `depth` composites."""

    depth: int
    name: str
    output: str
    parameters: str
    macs: str
    field: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A feature volume: planes as (x, y), of one size, in a drawing of `width` x `height`.

    `facts` are pairs of a heading and a text.
    """

    label: str
    kind: str
    planes: tuple[tuple[float, float], ...]
    plane: tuple[float, float]
    width: float
    height: float
    facts: tuple[tuple[str, str], ...]


def draw(architecture: Architecture) -> list[Drawn]:
    """Return the feature volumes, the input first."""
    found = volumes(architecture)
    groups = stages(architecture)
    groups = groups[len(groups) - len(found) + 1 :]
    facts = [_input_facts(architecture, found[0])]
    kinds = ["input", *(kind_of(group.leading)[0] for group in groups)]
    for group in groups:
        last = group.layers[-1]
        facts.append(
            (
                ("layers", ", ".join(group.contents())),
                ("output", shape_text(group.shape)),
                ("parameters", f"{group.parameters:,}"),
                ("MACs", f"{sum(layer.macs for layer in group.layers):,}"),
                ("receptive field", _field(last)),
            )
        )
    return [
        _drawn(volume, kind, texts) for volume, kind, texts in zip(found, kinds, facts, strict=True)
    ]


def kinds_of(drawn: list[Drawn]) -> list[str]:
    """Return the kinds of layers in a drawing, for its legend."""
    used = {volume.kind for volume in drawn}
    return [name for name in (*(kind for kind, _, _ in KINDS), "other") if name in used]


def rows(architecture: Architecture) -> list[Row]:
    """Return every layer, those inside composites after their composite."""
    return list(_rows(architecture.layers, 0))


def _rows(layers: tuple[Layer, ...], depth: int) -> Iterator[Row]:
    for layer in layers:
        yield Row(
            depth,
            title(layer.name, layer.arguments),
            shape_text(layer.output_shape),
            f"{layer.parameters:,}" if layer.parameters else "",
            f"{layer.macs:,}" if layer.macs else "",
            _field(layer),
        )
        for branch in layer.branches:
            yield from _rows(branch, depth + 1)


def _field(layer: Layer) -> str:
    height, width = layer.receptive_field.size
    return "unknown" if layer.measured else f"{height}{TIMES}{width} pixels"


def _input_facts(architecture: Architecture, volume: Volume) -> tuple[tuple[str, str], ...]:
    first = volume.lines[1:]
    made = (("then", ", ".join(first)),) if first else ()
    return (("input", shape_text(architecture.input_shape)), *made)


def _drawn(volume: Volume, kind: str, facts: tuple[tuple[str, str], ...]) -> Drawn:
    plane = tuple(round(side * _PIXELS, 1) for side in volume.side)
    spread = _OFFSET * (volume.planes - 1)
    places = tuple((1 + _OFFSET * i, 1 + _OFFSET * i) for i in range(volume.planes))
    return Drawn(
        volume.label,
        kind,
        places,
        (plane[0], plane[1]),
        round(plane[0] + spread + 2, 1),
        round(plane[1] + spread + 2, 1),
        facts,
    )
