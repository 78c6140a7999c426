"""`cnnzoo show`."""

from __future__ import annotations

import click

from cnnzoo.cli.completion import complete_config


@click.command()
@click.argument("config", metavar="CONFIG", shell_complete=complete_config)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--resolved", is_flag=True, help="Print the whole YAML, and where each value is from."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "json"]),
    default="table",
    show_default=True,
    help="How to print the layers.",
)
def show(config: str, overrides: tuple[str, ...], resolved: bool, form: str) -> None:
    """Show an architecture layer by layer.

    Shapes, parameters, multiply-accumulates (MACs), and how much of the input an output sees.

    \b
    Examples:
      cnnzoo show lenet
      cnnzoo show lenet model.layers.1.Conv2D.filters=32
      cnnzoo show my.yaml --format markdown
      cnnzoo show my.yaml --resolved
    """
    from cnnzoo.cli.architecture_text import as_json, as_markdown, as_table, totals
    from cnnzoo.cli.tables import console
    from cnnzoo.config.loader import load_raw, make_config
    from cnnzoo.config.origins import with_origins
    from cnnzoo.training.plan import plan

    raw = load_raw(config, overrides)
    loaded = make_config(raw)
    if resolved:
        click.echo(with_origins(raw, loaded), nl=False)
        return
    planned = plan(loaded)
    if form == "json":
        click.echo(as_json(planned))
    elif form == "markdown":
        click.echo(as_markdown(planned))
    else:
        console().print(as_table(planned))
        click.echo(totals(planned))
