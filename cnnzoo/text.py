"""Values as short text."""

from __future__ import annotations


def duration_text(seconds: float) -> str:
    """A time in a few letters: `4.6 s`, `3:05`, `1:02:03`, `2 d 03:04:05`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02}:{minutes:02}:{rest:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
