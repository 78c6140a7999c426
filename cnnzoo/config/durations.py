"""Durations in text: 30s, 5m, 1.5h."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from cnnzoo.config.calls import shown

_PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,3})?[smh]$"
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def seconds_of(duration: str) -> float:
    """Return the seconds of a `Duration`."""
    return float(duration[:-1]) * _SECONDS[duration[-1]]


def checked(value: Any) -> str:
    """Return a duration; raises ValueError for anything else."""
    if isinstance(value, str) and re.match(_PATTERN, value) and seconds_of(value) > 0:
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    meant = f"; write {value}s or {value}m" if number else ""
    raise ValueError(f"must be a duration such as 30s, 5m or 1.5h, not {shown(value)}{meant}")


# The pattern is for editors: `checked` reports every error before it is used.
Duration = Annotated[str, BeforeValidator(checked), Field(pattern=_PATTERN)]
