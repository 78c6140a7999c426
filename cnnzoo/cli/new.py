"""`cnnzoo new`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_config


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    default="lenet",
    show_default=True,
    metavar="NAME",
    shell_complete=complete_config,
    help="A name of the zoo, or a YAML file.",
)
def new(file: Path, source: str) -> None:
    """Start a configuration as a copy of another.

    It takes the name of FILE; comments stay. The first line tells editors where the schema is,
    which this command writes beside the file, so that they complete names and mark mistakes.

    \b
    Examples:
      cnnzoo new my.yaml
      cnnzoo new my.yaml --from alexnet_lite
      cnnzoo new wide.yaml --from my.yaml
    """
    from cnnzoo.config.derive import SCHEMA_FILE, derived_text
    from cnnzoo.config.json_schema import schema_text
    from cnnzoo.datasets.names import NAMES
    from cnnzoo.terminal.output import refuse_existing, write_file

    if not file.suffix:
        file = file.with_suffix(".yaml")
    refuse_existing(file)
    text = derived_text(source, file)
    schema_file = file.parent / SCHEMA_FILE
    write_file(schema_file, schema_text(NAMES))
    write_file(file, text)
    click.echo(f"written: {file}, a copy of {source}")
    click.echo(f"written: {schema_file}, from which editors complete and check it")
    click.echo(f"next: edit it, then cnnzoo check {file}, cnnzoo train --config {file}")
