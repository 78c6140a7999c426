"""Options that several commands share."""

from __future__ import annotations

import click

runs_dir_option = click.option(
    "--runs-dir",
    default="runs",
    envvar="CNNZOO_RUNS_DIR",
    show_default=True,
    show_envvar=True,
    metavar="DIR",
    help="Where the runs are.",
)

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    show_default=True,
    help="Where to compute.",
)
