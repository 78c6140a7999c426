"""Conversion of plain values to YAML that the reader converts back to the same values."""

from __future__ import annotations

import re
from typing import Any

import yaml

from cnnzoo.config.reader import read_scalar
from cnnzoo.config.schema import Config


def dump_config(config: Config) -> str:
    """Return the configuration as YAML that loads to an equal one."""
    return to_yaml(config.plain())


def to_yaml(value: Any) -> str:
    """Return a value in block style, with its innermost collections on one line."""
    return _dump(value, flow=False, width=100)


def to_flow(value: Any) -> str:
    """Return a value on one line."""
    return _dump(value, flow=True, width=float("inf")).removesuffix("\n").removesuffix("\n...")


def _dump(value: Any, *, flow: bool, width: float) -> str:
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=flow,
        sort_keys=False,
        allow_unicode=True,
        width=width,
    )
    return re.sub(r"[^\n -~]", _escape, text)


def _escape(found: re.Match[str]) -> str:
    """Return a printable character, or the escape sequence of YAML for another one."""
    char = found[0]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


class _Dumper(yaml.SafeDumper):
    """Dumper of YAML 1.2 for the reader: it quotes strings that YAML 1.1 would not quote."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if not isinstance(read_scalar(text), str) else None
    if not text.isprintable():
        style = '"'  # the only style with escapes
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.SequenceNode:
    flow = all(not isinstance(item, dict | list) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flow or None)


def _represent_mapping(dumper: yaml.SafeDumper, mapping: dict[str, Any]) -> yaml.MappingNode:
    leaf = all(not isinstance(value, dict | list) for value in mapping.values())
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=leaf or None)


_Dumper.add_representer(str, _represent_string)
# Multi-representers also apply to the located Map and Seq.
_Dumper.add_multi_representer(dict, _represent_mapping)
_Dumper.add_multi_representer(list, _represent_list)
_Dumper.yaml_representers.pop(dict)
_Dumper.yaml_representers.pop(list)
