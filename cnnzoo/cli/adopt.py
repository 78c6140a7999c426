"""`cnnzoo adopt`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("model", metavar="MODEL.keras", type=click.Path(path_type=Path))
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write it here.")
def adopt(model: Path, output: Path | None) -> None:
    """Print the YAML of a saved Keras model.

    It takes a Sequential, or a functional model whose branches join as Residual and Branches do.
    Nothing in the file is run. The weights stay where they are.

    \b
    Examples:
      cnnzoo adopt model.keras
      cnnzoo adopt runs/lenet/1/model.keras --output mine.yaml
    """
    from cnnzoo.cli.files import refuse_existing, write_file
    from cnnzoo.models.adopt import adopt as text_of

    if output is not None:
        refuse_existing(output)
    text = text_of(model)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text)
        click.echo(f"written to {output}")
