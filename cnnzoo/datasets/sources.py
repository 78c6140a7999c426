"""The sources of data by name: one module each, one line here.

A source module has `COUNT`, how many images it has; `LABELS`, the class names of each label that
they carry, the first being the default; and `read(label, shape)`, which gives all its examples, at
the image shape that is asked for or at a shape of their own that is then resized.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from cnnzoo.config.schema import DataConfig
from cnnzoo.errors import DataError, did_you_mean

if TYPE_CHECKING:  # numpy stays away from who only asks for the names
    from cnnzoo.datasets.dataset import Examples, ImageShape

SOURCES = {
    "cartoon_faces": "cnnzoo.datasets.cartoon_faces",
    "digits": "cnnzoo.datasets.digits",
    "mnist5k": "cnnzoo.datasets.mnist5k",
}


class Source(Protocol):
    """What a source module has."""

    COUNT: int
    LABELS: dict[str, tuple[str, ...]]

    def read(self, label: str, shape: ImageShape) -> Examples:
        """All examples of the source under a label."""


def find_source(data: DataConfig) -> Source:
    """The source that a configuration names; raises DataError where there is none."""
    if data.name not in SOURCES:
        raise DataError(
            f"there is no data {data.name!r}{did_you_mean(data.name, SOURCES)}",
            place=data.place("name"),
            hint=f"known data: {', '.join(SOURCES)}",
        )
    return cast(Source, import_module(SOURCES[data.name]))


def label_of(data: DataConfig) -> str:
    """The label that a configuration chooses, or its source's first."""
    labels = find_source(data).LABELS
    label = next(iter(labels)) if data.label is None else data.label
    if label not in labels:
        raise DataError(
            f"{data.name} has no label {label!r}{did_you_mean(label, labels)}",
            place=data.place("label"),
            hint=f"its labels: {', '.join(labels)}",
        )
    return label


def class_names_of(data: DataConfig) -> tuple[str, ...]:
    """The class names of the data, known without reading them."""
    return find_source(data).LABELS[label_of(data)]
