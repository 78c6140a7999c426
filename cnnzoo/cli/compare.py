"""`cnnzoo compare`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run
from cnnzoo.cli.options import device_option, format_option


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...", shell_complete=complete_run)
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    default="test",
    show_default=True,
    help="Which examples to compare on.",
)
@click.option("--each", is_flag=True, help="Keep runs apart that differ in nothing but their seed.")
@click.option(
    "--disagreements",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every example on which they disagree here, as CSV.",
)
@format_option("table", "json", "markdown", help="How to print them.")
@device_option
def compare(
    runs: tuple[str, ...],
    split: str,
    each: bool,
    disagreements: Path | None,
    form: str,
    device: str,
) -> None:
    """Compare runs: settings, layers, figures, and whether the difference may be chance.

    The first run is the baseline. Runs that differ in nothing but their seed are one line, with the
    mean and the standard deviation. Single runs are compared on the same examples, by McNemar's
    test and the paired bootstrap; several seeds by Welch's test of their accuracies; more than one
    comparison is adjusted after Holm.

    A run that was not evaluated yet is evaluated first.

    \b
    Examples:
      cnnzoo compare runs/lenet/1 runs/lenet/2
      cnnzoo compare runs/lenet/1 runs/wide/* --format markdown
      cnnzoo compare runs/lenet/1 runs/lenet/2 --disagreements differ.csv
    """
    from rich.console import Console

    from cnnzoo.evaluation.compare.compare import compare as compare_runs
    from cnnzoo.terminal.comparison_files import as_json, write_disagreements
    from cnnzoo.terminal.comparison_text import as_markdown, as_tables
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.tables import console

    comparison = compare_runs(
        runs, split, each=each, device=device, display=display_for(Console(stderr=True))
    )
    if disagreements is not None:
        write_disagreements(disagreements, comparison)
        count = len(comparison.disagreements)
        click.echo(f"written to {disagreements}: {count:,} examples", err=True)
    if form == "json":
        click.echo(as_json(comparison))
    elif form == "markdown":
        click.echo(as_markdown(comparison))
    else:
        for part in as_tables(comparison):
            console().print(part)
