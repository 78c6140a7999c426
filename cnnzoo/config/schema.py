"""Sections of a configuration: frozen and validated, with the place of each value."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from cnnzoo import limits
from cnnzoo.config import zoo
from cnnzoo.config.calls import Block, Call, Item, check_variables, shown
from cnnzoo.config.data import DataConfig
from cnnzoo.config.durations import Duration
from cnnzoo.config.layer_lists import LayerParser
from cnnzoo.config.located import Map, value_place
from cnnzoo.config.params import evaluate_params
from cnnzoo.config.paths import absolute
from cnnzoo.config.section import Fraction, Positive, Section, Seed, list_of_calls, one_call
from cnnzoo.config.sweep import SweepConfig, check_sweep_section
from cnnzoo.config.variables import SHAPE_VARIABLES, TRAINING_VARIABLES
from cnnzoo.config.wording import form_hint
from cnnzoo.errors import ConfigError, did_you_mean


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _one_or_several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else _tuple(value)


def _three(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ValueError(f"must be [height, width, channels], not {shown(value)}")
    return tuple(value)


def _count_or_auto(value: Any) -> Any:
    if value != "auto" and (type(value) is not int or value < 1):
        meant = form_hint(value, lambda number: type(number) is int)
        way = f"; {meant}" if meant else did_you_mean(str(value), ("auto",))
        raise ValueError(f"must be a positive integer or auto, not {shown(value)}{way}")
    return value


NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"  # of a configuration and of a run directory
ALL_BUT_HEAD = "all_but_head"  # a word for `training.freeze`

Precision = Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]
CountOrAuto = Annotated[Positive | Literal["auto"], BeforeValidator(_count_or_auto)]
NonNegative = Annotated[float, Field(ge=0)]
Scalar = int | float | bool | str
# A list contains the values of the iterations of a `repeat`, or a pair of sizes for one layer.
Param = Scalar | Annotated[tuple[Scalar, ...], BeforeValidator(_tuple)]


class ModelConfig(Section):
    """An architecture: the shape of its input and its layers, with the names of Keras.

    `classes` is the value of `$classes` until data are read (`cnnzoo list`); in training, it is the
    number of classes in the data.
    """

    input_shape: Annotated[
        tuple[Positive, Positive, Positive],
        BeforeValidator(_three),
        Field(description="height, width and channels of the input images"),
    ]
    classes: Annotated[int, Field(ge=2, le=limits.CLASSES)] | None = None
    """Value of $classes until data are read."""
    params: dict[str, Param] = Field(default_factory=dict)
    """Variables of the file: base: 16 is $base."""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """Arguments by layer class, for layers that do not give them."""
    blocks: dict[str, Any] = Field(default_factory=dict)
    """Named layer lists with parameters."""
    layers: Annotated[tuple[Item, ...], Field(min_length=1)]
    """Layers, first to last."""

    @field_validator("input_shape")
    @classmethod
    def _an_image(cls, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        if math.prod(shape) > limits.IMAGE_VALUES:
            raise ValueError(f"must hold at most {limits.IMAGE_VALUES:,} values")
        return shape

    @field_validator("params", mode="before")
    @classmethod
    def _evaluate_params(cls, value: Any, info: ValidationInfo) -> dict[str, Any]:
        if isinstance(info.context, dict) and isinstance(value, dict):
            info.context["params"] = list(value)  # known by name even if a value is wrong
        return evaluate_params(value)

    @field_validator("defaults", mode="before")
    @classmethod
    def _parse_defaults(cls, value: Any) -> dict[str, Any]:
        parser = LayerParser()
        defaults = parser.layer_defaults(value)
        if parser.mistakes:
            raise ConfigError.of(parser.mistakes)
        return defaults

    @field_validator("blocks", mode="before")
    @classmethod
    def _parse_blocks(cls, value: Any, info: ValidationInfo) -> dict[str, Block]:
        parser = LayerParser(info.data.get("defaults"), {}, _known_in_layers(info))
        blocks = parser.block_definitions(value)
        if parser.mistakes:
            raise ConfigError.of(parser.mistakes)
        return blocks

    @field_validator("layers", mode="before")
    @classmethod
    def _parse_layers(cls, value: Any, info: ValidationInfo) -> tuple[Item, ...]:
        if not isinstance(value, list | tuple):
            dashes = "; begin each layer with '- '" if isinstance(value, dict) else ""
            raise ValueError(f"must be a list of layers, not {shown(value)}{dashes}")
        if not value:
            raise ValueError("must hold at least one layer")
        # What could not be read is not in info.data, and the parser misses nothing of it.
        blocks = info.data.get("blocks")
        headers = None if blocks is None else {name: blocks[name].header for name in blocks}
        parser = LayerParser(info.data.get("defaults"), headers, _known_in_layers(info))
        layers = parser.layers(value, None)
        if parser.mistakes:
            raise ConfigError.of(parser.mistakes)
        return layers


def _known_in_layers(info: ValidationInfo) -> list[str] | None:
    """Return the variables that every layer may use; None if the file's own are unknown."""
    params = info.data.get("params")
    if params is None and isinstance(info.context, dict):
        params = info.context.get("params")
    return None if params is None else [*params, "classes", *SHAPE_VARIABLES]


class TrainingConfig(Section):
    """Settings of the training. By default, the loss follows from the head of the model."""

    epochs: Positive = 10
    """Number of passes over all examples."""
    batch_size: CountOrAuto = 32
    """Examples per step; auto depends on their number and the memory."""
    optimizer: Annotated[Call, one_call("optimizers")] = Call("optimizers", "Adam")
    """A Keras optimizer."""
    loss: Annotated[Call, one_call("losses")] | None = None
    """A Keras loss; by default it follows from the head of the model."""
    metrics: Annotated[
        tuple[Call, ...],
        # names of Keras for the accuracy, which is always measured
        list_of_calls("metrics", "accuracy", "acc"),
    ] = ()
    """Keras metrics in addition to accuracy."""
    callbacks: Annotated[tuple[Call, ...], list_of_calls("callbacks")] = ()
    """Keras callbacks."""
    monitor: str = "val_accuracy"
    """Metric that chooses the model to keep."""
    class_weight: Literal["balanced"] | dict[str, NonNegative] | None = None
    """Weight of the examples of a class in the loss: balanced, or by class name."""
    label_smoothing: Fraction = 0.0
    """Fraction of a label that is spread over all classes: 0.1."""
    precision: Precision = "float32"
    """Precision of computations; auto is mixed_bfloat16 on hardware with it, else float32."""
    steps_per_execution: CountOrAuto = "auto"
    """Steps per call of the backend; auto depends on their size and the backend."""
    devices: Literal["one", "all"] = "one"
    """all: each batch is divided among all devices; needs the backend jax."""
    freeze: Annotated[
        tuple[str, ...],
        BeforeValidator(_one_or_several, json_schema_input_type=str | tuple[str, ...]),
    ] = ()
    """Names of layers that are not trained: patterns with * and ?, ! exempts, or all_but_head."""
    checkpoint_every: Duration = "5m"
    """Interval of checkpoints within an epoch: 30s, 5m, 1h."""
    tensorboard: bool = False
    """Write logs for TensorBoard into the run."""
    mlflow: bool = False
    """Log the run to MLflow."""


class Config(Section):
    """Complete configuration of a run.

    `reference` is the measured accuracy of the configuration, for `cnnzoo list`.
    """

    name: str
    """Name of the run directory; by default the name of the file."""
    description: str | None = None
    """Description in one line."""
    purpose: str | None = None
    """Images that it is for, the heading in cnnzoo list."""
    reference: str | None = None
    """Accuracy that was measured, for cnnzoo list."""
    model: ModelConfig
    """Architecture."""
    data: DataConfig | None = None
    """Source of the examples: a name, or a mapping."""
    seed: Seed = 0
    """Two runs with the same seed on the same machine give the same weights."""
    init_from: str | None = None
    """A run, a .keras file or a trained network, for the initial weights."""
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    """Settings of the training."""
    sweep: SweepConfig | None = None
    """Search of hyper-parameters, for cnnzoo sweep."""

    @model_validator(mode="before")
    @classmethod
    def _locate_bare_data(cls, value: Any) -> Any:
        """Convert `data: mnist5k` to `data: {name: mnist5k}` with its place."""
        if not isinstance(value, Map) or not isinstance(value.get("data"), str):
            return value
        place = value.value_places.get("data")
        data = Map(place)
        data.put("name", value["data"], place, place)
        value = value.copy()
        value.put("data", data, value.key_places.get("data"), place)
        return value

    @model_validator(mode="before")
    @classmethod
    def _locate_init_from(cls, value: Any) -> Any:
        """Make the path absolute, so that it remains valid in the copy in a run.

        `hf://USER/REPO` and the name of a trained network are kept, unless a file or directory has
        that name.
        """
        if not isinstance(value, dict) or not isinstance(value.get("init_from"), str):
            return value
        path = absolute(value["init_from"], value_place(value, "init_from"))
        if value["init_from"].startswith("hf://") or (
            zoo.trained(value["init_from"]) and not Path(path).exists()
        ):
            return value
        located = value.copy()
        located["init_from"] = path
        return located

    @model_validator(mode="after")
    def _know_the_variables(self) -> Self:
        known = ("classes", *TRAINING_VARIABLES, *self.model.params)
        values = tuple(getattr(self.training, name) for name in type(self.training).model_fields)
        values += self.data.augment if self.data else ()
        if unknown := check_variables(values, known):
            raise ConfigError.of(unknown)
        return self

    @model_validator(mode="after")
    def _know_the_sweep(self) -> Self:
        if self.sweep:
            check_sweep_section(self.sweep)
        return self

    @field_validator("name")
    @classmethod
    def _a_directory_name(cls, name: str) -> str:
        if not re.fullmatch(NAME, name):
            raise ValueError(f"must be a word of letters, digits, '.', '_' and '-', not {name!r}")
        return name
