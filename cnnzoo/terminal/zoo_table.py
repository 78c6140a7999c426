"""The table of the zoo, as `cnnzoo list` prints it.

The sizes follow from the configurations and take about half a second to compute for the whole zoo,
so they are kept next to the decoded data until a configuration or cnnzoo changes.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

from rich.table import Table

import cnnzoo
from cnnzoo.config import zoo
from cnnzoo.datasets.cache_directory import cache_directory
from cnnzoo.terminal.console import new_table
from cnnzoo.text import compact

FILE = "zoo.json"


class Row(TypedDict):
    """A network of the zoo: its input shape as text, its size, and its reference accuracy."""

    name: str
    input: str
    parameters: int
    macs: int
    reference: str


def zoo_table() -> Table:
    """Return a table with a line for each configuration of the zoo."""
    table = new_table()
    for heading in ("name", "input"):
        table.add_column(heading, no_wrap=True)
    for heading in ("parameters", "MACs"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("reference accuracy")
    for row in zoo_rows():
        table.add_row(
            row["name"],
            row["input"],
            f"{row['parameters']:,}",
            compact(row["macs"]),
            row["reference"],
        )
    return table


def zoo_rows() -> list[Row]:
    """Return the networks of the zoo, from the cache if it is up to date."""
    path = cache_directory() / FILE
    key = _key()
    rows = _read(path, key)
    if rows is None:
        rows = _computed()
        _write(path, key, rows)
    return rows


def _key() -> str:
    digest = hashlib.sha256(cnnzoo.__version__.encode())
    modules = Path(cnnzoo.__file__).parent.rglob("*.py")
    for path in (*sorted(modules), *sorted(zoo.directory().glob("*.yaml"))):
        state = path.stat()
        digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _computed() -> list[Row]:
    from cnnzoo.architecture.arithmetic import shape_text
    from cnnzoo.config.loader import load_config
    from cnnzoo.training.checks import check_config

    rows = []
    for name in zoo.names():
        config = load_config(name)
        architecture = check_config(config).architecture
        rows.append(
            Row(
                name=name,
                input=shape_text(architecture.input_shape),
                parameters=architecture.parameters,
                macs=architecture.macs,
                reference=config.reference or "",
            )
        )
    return rows


def _read(path: Path, key: str) -> list[Row] | None:
    """Return the cached rows, or None if they are missing, outdated or damaged."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        rows = [_row(one) for one in stored["rows"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return rows if stored.get("key") == key else None


def _write(path: Path, key: str, rows: list[Row]) -> None:
    from cnnzoo.runs.files import write_text

    with suppress(OSError):  # a cache that cannot be written only costs time
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps({"key": key, "rows": rows}))


def _row(stored: dict[str, Any]) -> Row:
    return Row(
        name=str(stored["name"]),
        input=str(stored["input"]),
        parameters=int(stored["parameters"]),
        macs=int(stored["macs"]),
        reference=str(stored["reference"]),
    )
