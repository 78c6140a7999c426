"""From a path, a zoo name or plain values to a Config: extends, then overrides, then the schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cnnzoo.config import zoo
from cnnzoo.config.located import Map, value_place
from cnnzoo.config.merge import merge
from cnnzoo.config.mistakes import explain
from cnnzoo.config.overrides import apply_override
from cnnzoo.config.reader import read_scalar, read_yaml_file
from cnnzoo.config.schema import Config
from cnnzoo.errors import ConfigError, Place

MAX_EXTENDS = 10


def load_config(source: str | Path, overrides: Iterable[str] = ()) -> Config:
    """The configuration in a file, or of that name in the zoo, with `KEY=VALUE` overrides.

    Raises ConfigError with every mistake that was found, each with its place.
    """
    path = zoo.find(source)
    raw = read_extended(path)
    for override in overrides:
        apply_override(raw, override)
    if "name" not in raw:
        raw.put("name", path.stem, None, None)
    return make_config(raw)


def make_config(raw: Mapping[str, Any]) -> Config:
    """The configuration in plain values; raises ConfigError with every mistake."""
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise explain(error, Config, raw) from None


def dump_config(config: Config) -> str:
    """The configuration as YAML that loads to an equal one."""
    return yaml.dump(config.plain(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def read_extended(path: Path, below: tuple[Path, ...] = ()) -> Map:
    """The mapping in a file, merged over the files that it extends."""
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
    if base_path.resolve() in chain or len(chain) > MAX_EXTENDS:
        raise ConfigError(f"{extended} extends itself in a circle", place=place)
    base = read_extended(base_path, chain)
    for key in ("name", "description", "reference"):
        base.pop(key, None)  # they speak of the base itself
    return merge(base, raw)


def _extended_path(extended: Any, path: Path, place: Place | None) -> Path:
    if not isinstance(extended, str):
        raise ConfigError("extends must be one file or zoo name", place=place)
    if Path(extended).is_absolute() or ".." in Path(extended).parts:
        raise ConfigError(
            f"extends must name a file beside or below this one, not {extended!r}", place=place
        )
    try:
        return zoo.find(extended, directory=path.parent)
    except ConfigError as error:
        mistake = error.mistakes[0]
        raise ConfigError(mistake.message, place=place, hint=mistake.hint) from None


class _Dumper(yaml.SafeDumper):
    """Writes what the reader reads: YAML 1.2 strings quoted where YAML 1.1 or we would not."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:

    style = "'" if not isinstance(read_scalar(text), str) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.SequenceNode:
    flow = all(not isinstance(item, dict | list) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flow)


def _represent_mapping(dumper: yaml.SafeDumper, mapping: dict[str, Any]) -> yaml.MappingNode:
    leaf = all(not isinstance(value, dict | list) for value in mapping.values())
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=leaf)


_Dumper.add_representer(dict, _represent_mapping)
_Dumper.add_representer(str, _represent_string)
_Dumper.add_representer(list, _represent_list)
