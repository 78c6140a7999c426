"""The input type of all fuzz targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mutant:
    """A file to try: its content and name, and words for a command line."""

    content: bytes
    name: str
    words: list[str] = field(default_factory=list)
