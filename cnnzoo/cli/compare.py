"""`cnnzoo compare`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run
from cnnzoo.cli.options import (
    device_option,
    force_option,
    format_option,
    note,
    runs_dir_option,
)


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN|EXPORTED...]", shell_complete=complete_run)
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    default="test",
    show_default=True,
    help="Split to compare on.",
)
@click.option("--each", is_flag=True, help="Do not group runs that differ only in the seed.")
@click.option(
    "--disagreements",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the examples on which the runs disagree to this CSV file.",
)
@force_option
@format_option("table", "json", "markdown", help="How to print the comparison.")
@runs_dir_option
@device_option
def compare(
    runs: tuple[str, ...],
    split: str,
    each: bool,
    disagreements: Path | None,
    force: bool,
    form: str,
    runs_dir: str,
    device: str,
) -> None:
    """Compare runs: metrics, significance, settings, layers.

    The first run is the baseline. With one RUN, the latest run is compared with it; without, the
    latest two runs are compared. Runs that differ only in the seed are grouped, with the mean and
    standard deviation. Single runs are compared on the same examples by McNemar's test and the
    paired bootstrap, several seeds by Welch's test of their accuracies; several comparisons are
    adjusted by Holm's method. A run that was not evaluated yet is evaluated first. EXPORTED is an
    exported model in a run, which is evaluated on the data of that run.

    \b
    Examples:
      cnnzoo compare
      cnnzoo compare runs/lenet/1 runs/lenet/2
      cnnzoo compare lenet simple_cnn
      cnnzoo compare runs/lenet/1 runs/lenet/1/exports/lenet-int8.onnx
      cnnzoo compare runs/lenet/1 runs/wide/* --format markdown
      cnnzoo compare runs/lenet/1 runs/lenet/2 --disagreements differ.csv
    """
    from cnnzoo.evaluation.compare.compare import compare as compare_runs
    from cnnzoo.runs.choose import choose_compared
    from cnnzoo.terminal.comparison_files import as_json, write_disagreements
    from cnnzoo.terminal.comparison_tables import as_markdown, as_tables
    from cnnzoo.terminal.console import Console, print_parts
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.output import print_data, refuse_existing

    refuse_existing(disagreements, force)
    chosen = choose_compared(runs, runs_dir, note)
    if len(runs) < 2:
        note(f"comparing {' and '.join(map(str, chosen))}")
    comparison = compare_runs(
        chosen, split, each=each, device=device, display=display_for(Console(stderr=True))
    )
    if disagreements is not None:
        write_disagreements(disagreements, comparison)
        count = len(comparison.disagreements)
        click.echo(f"written to {disagreements}: {count:,} examples", err=True)
    if form == "json":
        print_data(as_json(comparison) + "\n")
    elif form == "markdown":
        print_data(as_markdown(comparison) + "\n")
    else:
        print_parts(*as_tables(comparison))
