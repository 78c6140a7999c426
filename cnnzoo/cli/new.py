"""`cnnzoo new`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_config
from cnnzoo.cli.options import force_option


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
@force_option
def new(file: Path, source: str, force: bool) -> None:
    """Create a configuration as a copy of another.

    The copy is named after FILE and keeps the comments. The command also writes a JSON Schema next
    to FILE, and the first line of FILE refers to it, so that editors complete names and mark
    errors.

    \b
    Examples:
      cnnzoo new my.yaml
      cnnzoo new my.yaml --from alexnet_lite
      cnnzoo new wide.yaml --from my.yaml
    """
    from cnnzoo.config.data_names import NAMES
    from cnnzoo.config.derive import SCHEMA_FILE, derived_text
    from cnnzoo.config.json_schema import schema_text
    from cnnzoo.terminal.output import refuse_existing, write_file

    if not file.suffix:
        file = file.with_suffix(".yaml")
    refuse_existing(file, force)
    text = derived_text(source, file)
    schema_file = file.parent / SCHEMA_FILE
    write_file(schema_file, schema_text(NAMES))
    write_file(file, text)
    click.echo(f"written: {file}, a copy of {source}")
    click.echo(f"written: {schema_file}, the schema for editors")
    click.echo(f"next: edit it, then cnnzoo check {file}, cnnzoo train {file}")
