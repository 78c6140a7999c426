"""`cnnzoo schema`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write it here.")
def schema(output: Path | None) -> None:
    """Print the JSON Schema that editors read.

    It has every key, layer and argument that a configuration may hold, with one-line docs.

    cnnzoo new writes it beside the new file. For any other file, write it once and name it in
    the first line: # yaml-language-server: $schema=schema.json

    \b
    Examples:
      cnnzoo schema --output schema.json
      cnnzoo schema | jq '."$defs"."layers.Conv2D"'
    """
    from cnnzoo.cli.files import write_file
    from cnnzoo.config.json_schema import schema_text
    from cnnzoo.datasets.sources import SOURCES

    text = schema_text(SOURCES)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text)
        click.echo(f"written to {output}")
