"""`cnnzoo evaluate`."""

from __future__ import annotations

import click

from cnnzoo.cli.completion import complete_run
from cnnzoo.cli.options import device_option, runs_dir_option


@click.command()
@click.argument("run", required=False, metavar="[RUN]", shell_complete=complete_run)
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    default="test",
    show_default=True,
    help="Which examples to measure on.",
)
@runs_dir_option
@device_option
def evaluate(run: str | None, split: str, runs_dir: str, device: str) -> None:
    """Measure a run, by default the latest one.

    \b
    Examples:
      cnnzoo evaluate
      cnnzoo evaluate runs/lenet/1 --split validation
    """
    from cnnzoo.cli.tables import console, headline, metrics_table
    from cnnzoo.evaluation.evaluate import evaluate as evaluate_run
    from cnnzoo.runs import latest_run, open_run
    from cnnzoo.training.progress import display_for

    opened = open_run(run) if run else latest_run(runs_dir)
    measured = evaluate_run(opened, split, device=device, display=display_for(console()))
    console().print(metrics_table(measured))
    click.echo(headline(measured))
    click.echo(f"written to {opened.metrics_path(split)}")
