"""`cnnzoo schema`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.options import output_option


@click.command()
@output_option
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
    from cnnzoo.config.json_schema import schema_text
    from cnnzoo.datasets.names import NAMES
    from cnnzoo.terminal.output import print_or_write

    print_or_write(schema_text(NAMES), output)
