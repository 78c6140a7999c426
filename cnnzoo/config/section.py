"""Base class of the sections of a configuration, and validators for values in the notation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from cnnzoo import limits
from cnnzoo.config.calls import Call, shown, written
from cnnzoo.config.layer_lists import parse_call
from cnnzoo.config.located import Map, located_items
from cnnzoo.config.mistakes import explain
from cnnzoo.config.notation import CallParser
from cnnzoo.errors import ConfigError, Place

Positive = Annotated[int, Field(ge=1, le=limits.COUNT)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """Part of a configuration; `place("key")` is the place of the value of that key."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        arbitrary_types_allowed=True,
    )
    _places: Mapping[str, Place | None] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _remember_places(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        section = handler(value)
        if isinstance(value, Map):
            section._places = dict(value.value_places)
        return section

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise explain(error, type(self), values) from None

    # As in pydantic's RootModel: an inner section is validated, not constructed.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def __eq__(self, other: object) -> bool:
        """Compare the values, not their places."""
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def place(self, key: str) -> Place | None:
        """Return the place of the value of a key; None for a default or a value from Python."""
        return self._places.get(key)

    def plain(self) -> dict[str, Any]:
        """Return the section as plain YAML values, without those that are None."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: value.plain() if isinstance(value, Section) else written(value)
            for name, value in values.items()
            if value is not None and value not in ({}, ())
        }


# `cnnzoo.config.json_schema` replaces `{"notation": …}`.
def one_call(namespace: str) -> BeforeValidator:
    """Parse a call of a class of this namespace, in Keras' notation."""

    def parse(value: Any) -> Call:
        return parse_call(namespace, value)

    one = {"notation": namespace}
    return BeforeValidator(parse, json_schema_input_type=Annotated[Any, WithJsonSchema(one)])


def list_of_calls(namespace: str, *skipped: str) -> BeforeValidator:
    """Parse a list of such calls; the words in `skipped` are allowed and left out."""

    def parse(values: Any) -> tuple[Call, ...]:
        if not isinstance(values, list | tuple):
            way = f"; write [{values}]" if isinstance(values, str) else ""
            raise ValueError(f"must be a list, not {shown(values)}{way}")
        parser = CallParser()
        calls = [
            parser.call(namespace, value, place)
            for value, place in located_items(values)
            if value not in skipped
        ]
        if parser.mistakes:
            raise ConfigError.of(parser.mistakes)
        return tuple(call for call in calls if call)

    named = {"notation": namespace}
    one = {"anyOf": [named, {"enum": list(skipped)}]} if skipped else named
    items = {"type": "array", "items": one}
    return BeforeValidator(parse, json_schema_input_type=Annotated[Any, WithJsonSchema(items)])
