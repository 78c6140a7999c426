"""`cnnzoo tune`: find values to train with."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from cnnzoo.cli.completion import complete_config
from cnnzoo.cli.group import OrderedGroup
from cnnzoo.cli.options import device_option, force_option

STEPS = click.IntRange(20, 10_000)
RATE = click.FloatRange(0, min_open=True)


@click.group(cls=OrderedGroup)
def tune() -> None:
    """Find values to train with.

    \b
    Example:
      cnnzoo tune lr lenet
    """


@tune.command("lr")
@click.argument("config", metavar="CONFIG", shell_complete=complete_config)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--steps", type=STEPS, default=150, show_default=True, help="Steps to train for.")
@click.option("--lowest", type=RATE, default=1e-6, show_default=True, help="First learning rate.")
@click.option("--highest", type=RATE, default=10.0, show_default=True, help="Last learning rate.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File for the figure, .png, .svg or .pdf; its numbers are written next to it as .csv.",
)
@force_option
@device_option
def learning_rate(
    config: str,
    overrides: tuple[str, ...],
    steps: int,
    lowest: float,
    highest: float,
    output: Path | None,
    force: bool,
    device: str,
) -> None:
    """Suggest a learning rate.

    Trains for some steps on the data of the configuration with its optimizer, while the learning
    rate grows, until the loss diverges (the range test of Smith, 2017). The trained weights are
    discarded. The printed KEY=VALUE setting uses the suggested rate, or makes it the highest rate
    of the schedule.

    \b
    Examples:
      cnnzoo tune lr lenet
      cnnzoo tune lr my.yaml training.optimizer=SGD --output lr.png
    """
    from cnnzoo.config.loader import load_config
    from cnnzoo.errors import UserError
    from cnnzoo.terminal.console import console
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.output import refuse_existing
    from cnnzoo.training.learning_rates import range_test, rate_override, write_rates

    if lowest >= highest:
        raise UserError(f"--lowest {lowest:g} is not below --highest {highest:g}")
    if output:
        from cnnzoo.reporting.saving import check_suffix

        check_suffix(output)
        refuse_existing(output, force)
        refuse_existing(output.with_suffix(".csv"), force)
    loaded = load_config(config, overrides)
    display = display_for(console())
    test = range_test(loaded, lowest, highest, steps, device=device, display=display)
    click.echo(test.summary())
    if output:
        from cnnzoo.reporting.learning_rates import learning_rate_figure
        from cnnzoo.reporting.saving import save_figure

        save_figure(learning_rate_figure(test, loaded.name), output)
        write_rates(test, output.with_suffix(".csv"))
        click.echo(f"written to {output} and {output.with_suffix('.csv')}")
    if word := rate_override(loaded, test.suggested()):
        click.echo(f"use it with: {shlex.quote(word)}")
    else:
        click.echo("the schedule computes its rates: set its highest rate to this one")
