"""Loading of a Config from a path, a zoo name or plain values.

The steps are `extends`, then the overrides, then the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cnnzoo.config import zoo
from cnnzoo.config.located import Map, value_place
from cnnzoo.config.merge import merge
from cnnzoo.config.mistakes import explain
from cnnzoo.config.overrides import apply_override
from cnnzoo.config.reader import read_yaml_file
from cnnzoo.config.schema import Config
from cnnzoo.errors import ConfigError, Place

MAX_EXTENDS = 10


def load_config(source: str | Path, overrides: Iterable[str] = ()) -> Config:
    """Load a configuration from a file or from the zoo, with `KEY=VALUE` overrides.

    Raises ConfigError with every mistake that was found, each with its place.
    """
    return make_config(load_raw(source, overrides))


def load_raw(source: str | Path, overrides: Iterable[str] = ()) -> Map:
    """Return the values of a configuration, extended and overridden, but not yet checked."""
    path = zoo.find(source)
    raw = read_extended(path)
    for override in overrides:
        apply_override(raw, override)
    if "name" not in raw:
        raw.put(
            "name",
            re.sub(r"[^A-Za-z0-9._-]+|^\W+", "-", path.stem).strip("-._") or "model",
            None,
            None,
        )
    return raw


def make_config(raw: Mapping[str, Any]) -> Config:
    """Validate plain values as a Config; raises ConfigError with every mistake."""
    try:
        return Config.model_validate(raw, context={})
    except ValidationError as error:
        raise explain(error, Config, raw) from None


def read_extended(path: Path, below: tuple[Path, ...] = ()) -> Map:
    """Return the mapping in a file, merged over the files that it extends."""
    raw = read_yaml_file(path)
    start = Place(str(path), 1, 1)
    if not isinstance(raw, Map):
        raise ConfigError(
            "a configuration is a mapping with the keys model, data, training, …",
            place=start,
            hint="see a complete one with: cnnzoo show lenet --resolved",
        )
    extended = raw.pop("extends", None)
    if extended is None:
        return raw
    place = value_place(raw, "extends")
    chain = (*below, path.resolve())
    base_path = _extended_path(extended, path, place)
    if base_path.resolve() in chain:
        way = " → ".join(link.name for link in (*chain, base_path))
        raise ConfigError(f"{extended} extends itself in a circle: {way}", place=place)
    if len(chain) > MAX_EXTENDS:
        raise ConfigError(f"more than {MAX_EXTENDS} files extend each other", place=place)
    base = read_extended(base_path, chain)
    for key in ("name", "description", "purpose", "reference"):
        base.pop(key, None)  # they describe the base only
    return merge(base, raw)


def _extended_path(extended: Any, path: Path, place: Place | None) -> Path:
    if not isinstance(extended, str):
        raise ConfigError(
            "extends must be the name of one file, or of a configuration in the zoo", place=place
        )
    if Path(extended).is_absolute() or ".." in Path(extended).parts:
        raise ConfigError(
            f"extends must name a file in the folder of this one or below it, not {extended!r}",
            place=place,
            hint="a configuration and what it extends can then be moved together",
        )
    try:
        return zoo.find(extended, directory=path.parent)
    except ConfigError as error:
        mistake = error.mistakes[0]
        raise ConfigError(mistake.message, place=place, hint=mistake.hint) from None
