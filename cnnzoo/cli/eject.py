"""`cnnzoo eject`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_config
from cnnzoo.cli.options import force_option, output_option


@click.command()
@click.argument("config", metavar="CONFIG", shell_complete=complete_config)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@output_option
@force_option
def eject(config: str, overrides: tuple[str, ...], output: Path | None, force: bool) -> None:
    """Print a Keras script that does not need cnnzoo.

    The script builds the same model, loads the data, augments, compiles, fits and evaluates. It
    reads data that Keras' own utilities read; other data it takes from an .npz file with the arrays
    images and labels. A configuration that a short script cannot express is refused.

    \b
    Examples:
      cnnzoo eject lenet
      cnnzoo eject my.yaml training.epochs=5 --output my.py
    """
    from cnnzoo.config.loader import load_config
    from cnnzoo.datasets.parts import known_splits
    from cnnzoo.models.convert.eject import eject as script_of
    from cnnzoo.models.convert.python_data import ONE_POOL
    from cnnzoo.terminal.output import print_or_write, refuse_existing
    from cnnzoo.training.checks import check_config

    refuse_existing(output, force)
    checked = check_config(load_config(config, overrides))
    data = checked.config.data
    splits = known_splits(data) if data else ONE_POOL
    print_or_write(script_of(checked.config, checked.class_names, checked.head, splits), output)
