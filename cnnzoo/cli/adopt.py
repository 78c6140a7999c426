"""`cnnzoo adopt`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.options import force_option, output_option


@click.command()
@click.argument("model", metavar="MODEL.keras", type=click.Path(path_type=Path))
@output_option
@force_option
def adopt(model: Path, output: Path | None, force: bool) -> None:
    """Print the configuration of a saved Keras model.

    MODEL.keras is a Sequential, or a functional model whose branches can be written as Residual and
    Branches. Nothing in the file is executed, and the weights are not copied.

    \b
    Examples:
      cnnzoo adopt model.keras
      cnnzoo adopt runs/lenet/1/model.keras --output mine.yaml
    """
    from cnnzoo.models.convert.adopt import adopt as text_of
    from cnnzoo.terminal.output import print_or_write, refuse_existing

    refuse_existing(output, force)
    print_or_write(text_of(model), output)
