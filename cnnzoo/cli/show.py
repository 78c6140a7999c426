"""`cnnzoo show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnzoo.cli.completion import complete_config
from cnnzoo.cli.options import force_option, format_option

if TYPE_CHECKING:
    from cnnzoo.training.checks import CheckedConfig


@click.command()
@click.argument("config", metavar="CONFIG", shell_complete=complete_config)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--resolved", is_flag=True, help="Print the whole YAML with the origin of each value."
)
@click.option("--names", is_flag=True, help="Print only the names of the layers, one per line.")
@format_option("table", "markdown", "json", help="How to print the layers.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw the architecture to this .png, .svg or .pdf file instead.",
)
@click.option(
    "--plot-style",
    type=click.Choice(["volumes", "graph"]),
    help="Feature volumes as in the LeNet-5 paper (the default), or a graph of the layers.",
)
@force_option
def show(
    config: str,
    overrides: tuple[str, ...],
    resolved: bool,
    names: bool,
    form: str,
    plot: Path | None,
    plot_style: str | None,
    force: bool,
) -> None:
    """Show an architecture layer by layer.

    Prints shapes, parameters, multiply-accumulates (MACs) and receptive fields.

    \b
    Examples:
      cnnzoo show lenet
      cnnzoo show lenet model.layers.1.Conv2D.filters=32
      cnnzoo show my.yaml --format markdown
      cnnzoo show my.yaml --resolved
      cnnzoo show my.yaml --names
      cnnzoo show resnet50 --plot resnet50.svg --plot-style graph
    """
    from cnnzoo.config.loader import load_raw, make_config
    from cnnzoo.terminal.architecture_text import as_json, as_markdown, as_table, totals
    from cnnzoo.terminal.architecture_text import names as layer_paths
    from cnnzoo.terminal.console import print_parts
    from cnnzoo.terminal.output import print_data
    from cnnzoo.training.checks import check_config

    if plot is None and (plot_style or force):
        raise click.UsageError("--plot-style and --force need a file: name it with --plot")
    if plot is not None and resolved:
        raise click.UsageError("--resolved prints YAML and --plot draws: use one of them")
    if plot is not None:
        _check_file(plot, force)
    raw = load_raw(config, overrides)
    loaded = make_config(raw)
    if resolved:
        from cnnzoo.config.origins import with_origins

        print_data(with_origins(raw, loaded))
        return
    checked = check_config(loaded)
    if names:
        print_data("\n".join(layer_paths(checked.architecture)) + "\n")
        return
    if plot is not None:
        _draw(checked, plot, plot_style or "volumes")
    elif form == "json":
        print_data(as_json(checked) + "\n")
    elif form == "markdown":
        print_data(as_markdown(checked) + "\n")
    else:
        print_parts(as_table(checked))
        click.echo(totals(checked))


def _check_file(path: Path, force: bool) -> None:
    from cnnzoo.reporting.saving import check_suffix
    from cnnzoo.terminal.output import refuse_existing

    check_suffix(path)
    refuse_existing(path, force)


def _draw(checked: CheckedConfig, path: Path, style: str) -> None:
    from cnnzoo.reporting.graph import draw_graph
    from cnnzoo.reporting.saving import save_figure
    from cnnzoo.reporting.volumes import draw_volumes

    draw = draw_graph if style == "graph" else draw_volumes
    save_figure(draw(checked.architecture, checked.config.name), path)
    click.echo(f"written to {path}")
