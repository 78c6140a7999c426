"""`cnnzoo schema`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.options import force_option, output_option


@click.command()
@output_option
@force_option
def schema(output: Path | None, force: bool) -> None:
    """Print the JSON Schema of configurations for editors.

    The schema has every key, layer and argument of a configuration with a one-line description.

    cnnzoo new writes it next to the new file. For other files, write it once and refer to it in the
    first line: # yaml-language-server: $schema=schema.json

    \b
    Examples:
      cnnzoo schema --output schema.json
      cnnzoo schema | jq '."$defs"."layers.Conv2D"'
    """
    from cnnzoo.config.data_names import NAMES
    from cnnzoo.config.json_schema import schema_text
    from cnnzoo.terminal.output import print_or_write, refuse_existing

    refuse_existing(output, force)
    print_or_write(schema_text(NAMES), output)
