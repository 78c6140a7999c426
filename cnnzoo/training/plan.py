"""Config → Plan: what a training would do, known before any framework is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from cnnzoo.architecture.head import head_of
from cnnzoo.architecture.layers import Architecture
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config.schema import Config
from cnnzoo.datasets.classes import class_names_of
from cnnzoo.models.build import measure


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration whose parts agree.

    `class_names` are those of its data, none where it names no data; `classes` is their count, or
    the one that the model is for until data are read. `head` is `binary` or
    `categorical`, None only where neither the data nor the model tell the class count.
    """

    config: Config
    class_names: tuple[str, ...]
    classes: int | None
    architecture: Architecture
    head: str | None


def plan(config: Config) -> Plan:
    """Resolve the architecture of a configuration for the classes of its data.

    Raises ConfigError or DataError where the layers do not fit each other or the head does not fit
    the classes. Keras is loaded only for a layer that no shape rule covers.
    """
    class_names = class_names_of(config.data, config.model.input_shape) if config.data else ()
    classes = len(class_names) or config.model.classes
    architecture = resolve(config.model, classes, measure)
    names = class_names or tuple(map(str, range(classes or 0)))
    head = head_of(architecture, names) if names else None
    return Plan(config, class_names, classes, architecture, head)
