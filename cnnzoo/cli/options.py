"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cnnzoo.models.backend import DEVICES

runs_dir_option = click.option(
    "--runs-dir",
    default="runs",
    envvar="CNNZOO_RUNS_DIR",
    show_default=True,
    show_envvar=True,
    metavar="DIR",
    help="Where the runs are.",
)

output_option = click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write it here."
)

device_option = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="Where to compute.",
)


def format_option(*forms: str, help: str) -> Callable[..., Any]:
    """`--format`, one of these, the first by default; the command gets it as `form`."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], show_default=True, help=help
    )
