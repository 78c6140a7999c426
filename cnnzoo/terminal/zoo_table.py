"""The table of the zoo, as `cnnzoo list` prints it.

The sizes follow from the configurations and take about half a second to compute for the whole zoo,
so they are kept next to the decoded data until a configuration or cnnzoo changes. The time of a
training follows from the speeds that `scripts/measure-speed` measured.
"""

from __future__ import annotations

import hashlib
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from rich.table import Table
from rich.text import Text

import cnnzoo
from cnnzoo.config import zoo
from cnnzoo.datasets.cache_directory import cache_directory
from cnnzoo.terminal.console import new_table
from cnnzoo.text import compact, rough_duration

if TYPE_CHECKING:
    from cnnzoo.config.schema import Config

FILE = "zoo.json"
IMAGES = 1000  # of the training whose time is shown


class Row(TypedDict):
    """A network of the zoo.

    `purpose` is the heading above it, `input` the shape as text, `seconds` the CPU time to
    train `IMAGES` images for all epochs, None if its speed was not measured. `reference` is the
    measured accuracy; `trained` says that the trained network comes with cnnzoo.
    """

    purpose: str
    name: str
    input: str
    parameters: int
    macs: int
    seconds: float | None
    reference: str
    trained: str


def zoo_table() -> Table:
    """Return a table of the zoo, with a heading for each purpose and a line for each network."""
    table = new_table(caption=_caption(), collapse_padding=True)  # fits 80 columns
    for heading in ("name", "input"):
        table.add_column(heading, no_wrap=True)
    for heading in ("parameters", "MACs", "CPU time"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("accuracy")
    purpose = None
    for row in zoo_rows():
        if row["purpose"] != purpose:
            purpose = row["purpose"]
            table.add_section()
            table.add_row(Text(purpose, style="bold"))
        table.add_row(
            f"  {row['name']}",
            row["input"],
            f"{row['parameters']:,}",
            compact(row["macs"]),
            rough_duration(row["seconds"]) if row["seconds"] else "",
            ", ".join(filter(None, [row["reference"], row["trained"]])),
        )
    return table


def _caption() -> str:
    return (
        "trained: the network comes with cnnzoo, with this accuracy: cnnzoo predict NAME FILES. "
        "Read the card of a network for faces first: cnnzoo card NAME\n"
        f"CPU time: all epochs of the recipe on {IMAGES:,} images, computed from the speed on "
        f"{zoo.speeds().machine}; with n cores, a training takes at least an n-th of it"
    )


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
    configs = (path for path in zoo.directory().iterdir() if path.suffix in (".yaml", ".json"))
    measured = zoo.trained_directory().glob("*/metrics.json")
    for path in (*sorted(modules), *sorted(configs), *sorted(measured)):
        state = path.stat()
        digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _computed() -> list[Row]:
    from cnnzoo.architecture.arithmetic import shape_text
    from cnnzoo.config.loader import load_config
    from cnnzoo.training.checks import check_config

    rows = []
    order: dict[str, tuple[int, int]] = {}
    speeds = zoo.speeds().images_per_cpu_second
    for name in zoo.names():
        config = load_config(name)
        architecture = check_config(config).architecture
        purpose = config.purpose or ""
        size = (math.prod(architecture.input_shape), architecture.macs)
        order[purpose] = min(size, order.get(purpose, size))
        reference, trained = _measured(config)
        rows.append(
            Row(
                purpose=purpose,
                name=name,
                input=shape_text(architecture.input_shape),
                parameters=architecture.parameters,
                macs=architecture.macs,
                seconds=config.training.epochs * IMAGES / speeds[name] if name in speeds else None,
                reference=reference,
                trained=trained,
            )
        )
    # The purpose with the smallest images first.
    return sorted(rows, key=lambda row: order[row["purpose"]])


def _measured(config: Config) -> tuple[str, str]:
    """Return the accuracy, for a trained network as it was measured, and that it is trained."""
    from cnnzoo.reporting.caveats import caveats
    from cnnzoo.runs.trained import trained_run

    run = trained_run(config.name)
    if run is None:
        return config.reference or "", ""
    accuracy, data = run.metrics()["metrics"]["accuracy"]["value"], run.record()["data"]["name"]
    height, width, _ = run.config().model.input_shape
    at = "" if (height, width) == config.model.input_shape[:2] else f" at {height}x{width}"
    read = ", see its card" if caveats([config.name, data], run.record()["class_names"]) else ""
    return f"{accuracy:.3f} on {data}{at}", f"trained{read}"


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
    seconds = stored["seconds"]
    return Row(
        purpose=str(stored["purpose"]),
        name=str(stored["name"]),
        input=str(stored["input"]),
        parameters=int(stored["parameters"]),
        macs=int(stored["macs"]),
        seconds=None if seconds is None else float(seconds),
        reference=str(stored["reference"]),
        trained=str(stored["trained"]),
    )
