"""`cnnzoo adopt`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.options import output_option


@click.command()
@click.argument("model", metavar="MODEL.keras", type=click.Path(path_type=Path))
@output_option
def adopt(model: Path, output: Path | None) -> None:
    """Print the YAML of a saved Keras model.

    It takes a Sequential, or a functional model whose branches join as Residual and Branches do.
    Nothing in the file is run. The weights stay where they are.

    \b
    Examples:
      cnnzoo adopt model.keras
      cnnzoo adopt runs/lenet/1/model.keras --output mine.yaml
    """
    from cnnzoo.models.convert.adopt import adopt as text_of
    from cnnzoo.terminal.output import print_or_write, refuse_existing

    if output is not None:
        refuse_existing(output)
    print_or_write(text_of(model), output)
