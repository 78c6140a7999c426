"""The configuration of one trial of a sweep: the base with a value for each searched key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnzoo.config.loader import make_config
from cnnzoo.config.located import Map, Seq
from cnnzoo.config.overrides import set_value
from cnnzoo.config.schema import Config
from cnnzoo.config.sweep import Domain
from cnnzoo.errors import Place

SECTION = "sweep"


def trial_config(
    raw: Map,
    parameters: Mapping[str, Domain],
    values: Mapping[str, Any],
    places: Mapping[str, Place | None] | None = None,
) -> Config:
    """Return the base configuration with these values of searched keys, in the order of the file.

    `raw` are the values of the base; they do not change. `places` has, by key, the place of the
    value for messages. Raises ConfigError.
    """
    trial = raw.copy()
    trial.pop(SECTION, None)
    for key, domain in parameters.items():
        if key in values:
            place = (places or {}).get(key) or domain.key_place or Place(f"{SECTION}.{key}", 0, 0)
            set_value(trial, key, _copied(values[key]), place, domain.key_place)
    return make_config(trial)


def _copied(value: Any) -> Any:
    """Return a copy of a structure: later keys may change a part of it."""
    if isinstance(value, Map | Seq):
        return value.copy()
    return value
