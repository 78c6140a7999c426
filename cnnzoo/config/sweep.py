"""The `sweep` section: the keys that are searched, their values, and how they are searched."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from cnnzoo.config.calls import shown
from cnnzoo.config.durations import Duration
from cnnzoo.config.located import key_place, located_items, value_place
from cnnzoo.config.section import Positive, Section
from cnnzoo.errors import ConfigError, Mistake, Place, did_you_mean

MAX_SEEDS = 100
STEP = "step"
# Kind of a range → its description in the schema.
KINDS = {
    "log": "A number between two positive ones, evenly distributed on a logarithmic scale",
    "float": "A number between two others; step restricts it to multiples from the lowest",
    "int": "An integer between two others, both included; step is 1 by default",
    "log_int": "An integer between two positive ones, on a logarithmic scale",
}
_WHOLE = ("int", "log_int")
_LOGARITHMIC = ("log", "log_int")
_REFUSED = {
    "sweep": "a sweep does not search its own settings",
    "name": "the name of the runs is the name of the sweep",
    "description": "it does not affect the training",
    "purpose": "it does not affect the training",
    "reference": "it does not affect the training",
    "extends": "it names a file; a list of values for data or model can replace sections",
    "seed": "sweep.seeds: N trains each trial with N seeds",
}

Number = int | float


@dataclass(frozen=True, slots=True)
class Choice:
    """A list of values, in the notation of the configuration; they may be structures."""

    values: tuple[Any, ...]
    places: tuple[Place | None, ...] = field(default=(), compare=False)
    key_place: Place | None = field(default=None, compare=False)

    def probes(self) -> list[tuple[Any, Place | None]]:
        """Return all values with their places."""
        return list(zip(self.values, self.places or [None] * len(self.values), strict=True))

    def grid(self) -> list[Any] | None:
        """Return all values."""
        return list(self.values)

    def plain(self) -> list[Any]:
        """Return the choice as it is written."""
        return list(self.values)


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers from `low` to `high`; `kind` is a key of KINDS."""

    kind: str
    low: Number
    high: Number
    step: Number | None = None
    place: Place | None = field(default=None, compare=False)
    key_place: Place | None = field(default=None, compare=False)

    def probes(self) -> list[tuple[Any, Place | None]]:
        """Return the ends with their place."""
        return [(self.low, self.place), (self.high, self.place)]

    @property
    def is_whole(self) -> bool:
        """True if the values are integers."""
        return self.kind in _WHOLE

    @property
    def is_logarithmic(self) -> bool:
        """True if the logarithm of the value is evenly distributed."""
        return self.kind in _LOGARITHMIC

    def grid(self) -> list[Number] | None:
        """Return all values; None if they are not countable."""
        if self.kind == "int":
            return list(range(int(self.low), int(self.high) + 1, int(self.step or 1)))
        if self.step is None:
            return None
        steps = math.floor((self.high - self.low) / self.step + 1e-9)
        return [self.low + index * self.step for index in range(steps + 1)]

    def plain(self) -> dict[str, Any]:
        """Return the range as it is written."""
        written: dict[str, Any] = {self.kind: [self.low, self.high]}
        return written if self.step is None else {**written, STEP: self.step}


Domain = Choice | Range


def _parse(value: Any) -> dict[str, Domain]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a mapping of keys and their values, not {shown(value)}")
    mistakes: list[Mistake] = []
    domains: dict[str, Domain] = {}
    for key, written in value.items():
        if isinstance(written, Choice | Range):
            domains[key] = written
            continue
        place = value_place(value, key)
        first = str(key).split(".")[0]
        try:
            if first in _REFUSED:
                raise ConfigError(
                    f"{key} cannot be searched", place=key_place(value, key), hint=_REFUSED[first]
                )
            domain = _domain(str(key), written, place)
            domains[key] = replace(domain, key_place=key_place(value, key))
        except ConfigError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ConfigError.of(mistakes)
    return domains


def _domain(key: str, written: Any, place: Place | None) -> Domain:
    if isinstance(written, list | tuple):
        return _choice(key, written, place)
    if isinstance(written, dict):
        return _range(key, written, place)
    raise ConfigError(
        f"{key} needs the values to search, not {shown(written)}",
        place=place,
        hint="write a list of values, or a range such as {log: [1e-4, 1e-1]} or {int: [8, 64]}",
    )


def _choice(key: str, written: list[Any] | tuple[Any, ...], place: Place | None) -> Choice:
    if not written:
        raise ConfigError(
            f"{key} has no values to choose from", place=place, hint="write [VALUE, VALUE]"
        )
    values, places = zip(*located_items(written), strict=True)
    for index, value in enumerate(values):
        if any(value == other and type(value) is type(other) for other in values[:index]):
            raise ConfigError(f"{key} has {shown(value)} twice", place=places[index] or place)
    return Choice(tuple(values), tuple(at or place for at in places))


def _range(key: str, written: Mapping[str, Any], place: Place | None) -> Range:
    for name in written:
        if name not in KINDS and name != STEP:
            raise ConfigError(
                f"{key}: a range has no key {shown(name)}{did_you_mean(str(name), KINDS)}",
                place=key_place(written, name) or place,
                hint=f"write one of {', '.join(KINDS)} with [LOWEST, HIGHEST], and step if needed",
            )
    kinds = [name for name in written if name in KINDS]
    if len(kinds) != 1:
        raise ConfigError(
            f"{key}: a range has one of {', '.join(KINDS)}, not {len(kinds)}",
            place=place,
            hint="for example {log: [1e-4, 1e-1]}",
        )
    kind = kinds[0]
    at = value_place(written, kind) or place
    low, high = _ends(key, kind, written[kind], at)
    step = written.get(STEP)
    if step is not None:
        _check_step(key, kind, step, high - low, value_place(written, STEP) or place)
    return Range(kind, low, high, step, at)


def _ends(key: str, kind: str, ends: Any, place: Place | None) -> tuple[Number, Number]:
    kinds = (int,) if kind in _WHOLE else (int, float)
    is_pair = isinstance(ends, list | tuple) and len(ends) == 2
    if not is_pair or any(type(end) not in kinds or not math.isfinite(end) for end in ends):
        wanted = "integers" if kind in _WHOLE else "numbers"
        raise ConfigError(
            f"{key}: {kind} must be [LOWEST, HIGHEST], two {wanted}, not {shown(ends)}",
            place=place,
        )
    low, high = ends
    if low >= high:
        raise ConfigError(
            f"{key}: the range from {low} to {high} is empty",
            place=place,
            hint=f"write [{high}, {low}]" if low > high else f"for one value, write [{low}]",
        )
    if kind in _LOGARITHMIC and low <= 0:
        raise ConfigError(
            f"{key}: a logarithmic range begins above 0, not at {low}",
            place=place,
            hint=f"write a small number such as {high / 1000:g}, or use "
            f"{'int' if kind in _WHOLE else 'float'} instead of {kind}",
        )
    return low, high


def _check_step(key: str, kind: str, step: Any, width: Number, place: Place | None) -> None:
    if kind in _LOGARITHMIC:
        raise ConfigError(
            f"{key}: {kind} has no step", place=place, hint="write a list of the values instead"
        )
    if type(step) not in ((int,) if kind in _WHOLE else (int, float)) or not 0 < step <= width:
        whole = "an integer " if kind in _WHOLE else ""
        raise ConfigError(
            f"{key}: step must be {whole}above 0 and at most {width:g}, not {shown(step)}",
            place=place,
        )


def _several(value: Any) -> Any:
    return (
        (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value
    )


_PAIR = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}
_PARAMETER = {
    "anyOf": [
        {"type": "array", "minItems": 1, "description": "Values to choose from"},
        {
            "type": "object",
            "properties": {
                **{kind: {**_PAIR, "description": text} for kind, text in KINDS.items()},
                STEP: {"type": "number", "exclusiveMinimum": 0},
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 2,
        },
    ]
}
PARAMETERS_SCHEMA = {"type": "object", "additionalProperties": _PARAMETER, "minProperties": 1}


class SweepConfig(Section):
    """A search of hyper-parameters: what is searched, and how."""

    parameters: Annotated[
        dict[str, Domain],
        BeforeValidator(
            _parse, json_schema_input_type=Annotated[Any, WithJsonSchema(PARAMETERS_SCHEMA)]
        ),
        Field(min_length=1),
    ]
    """Dotted keys to search: a list of values, or a range such as {log: [1e-4, 1e-1]}."""
    trials: Positive | None = None
    """Number of trials; a grid needs none."""
    time: Duration | None = None
    """No trial is started after this much training time, summed over all trials."""
    sampler: Literal["random", "grid", "tpe", "cmaes", "gp", "nsga2"] = "tpe"
    """How the values of the next trial are chosen."""
    pruner: Literal["none", "median", "hyperband"] = "none"
    """How trials that are worse than others are stopped early."""
    seeds: Annotated[int, Field(ge=1, le=MAX_SEEDS)] = 1
    """Trainings of each trial, with different seeds; their mean counts."""
    objective: Annotated[
        tuple[str, ...],
        BeforeValidator(_several, json_schema_input_type=str | tuple[str, ...]),
        Field(min_length=1),
    ] = ("val_accuracy",)
    """Value to maximize, or -NAME to minimize; several give a Pareto front."""

    def plain(self) -> dict[str, Any]:
        """Return the section as plain YAML values."""
        parameters = {key: domain.plain() for key, domain in self.parameters.items()}
        return {**super().plain(), "parameters": parameters}


def check_sweep_section(sweep: SweepConfig) -> None:
    """Raise ConfigError if settings of the section do not fit each other."""
    mistakes = list(_problems(sweep))
    if mistakes:
        raise ConfigError.of(mistakes)


def _problems(sweep: SweepConfig) -> Iterator[Mistake]:
    if sweep.trials is None and sweep.time is None and sweep.sampler != "grid":
        yield Mistake(
            "sweep needs trials or time",
            sweep.place("parameters"),
            "add trials: 40, or time: 30m, or both",
        )
    if sweep.sampler == "grid":
        for key, domain in sweep.parameters.items():
            if domain.grid() is None:
                yield Mistake(
                    f"sweep.sampler: grid cannot list all values of {key}",
                    domain.key_place,
                    "write a list of values, or a range with a step",
                )
    count = len(sweep.objective)
    if len({objective.lstrip("-") for objective in sweep.objective}) < count:
        hint = "name each value once"
        yield Mistake("sweep.objective names a value twice", sweep.place("objective"), hint)
    if count > 1 and sweep.pruner != "none":
        yield Mistake(
            f"sweep.pruner: {sweep.pruner} compares one value, and sweep.objective has {count}",
            sweep.place("pruner"),
            "remove the pruner, or search for one objective",
        )
    if count > 1 and sweep.sampler == "cmaes":
        yield Mistake(
            f"sweep.sampler: cmaes searches for one objective, and sweep.objective has {count}",
            sweep.place("sampler"),
            "use nsga2, tpe, random or grid",
        )
