"""`cnnzoo report`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run
from cnnzoo.cli.options import device_option, output_option, runs_dir_option


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN...]", shell_complete=complete_run)
@output_option
@runs_dir_option
@device_option
def report(runs: tuple[str, ...], output: Path | None, runs_dir: str, device: str) -> None:
    """Write a run, by default the latest one, as one HTML page.

    The page carries everything in itself: figures with their intervals, learning curves, the
    confusion matrix with its pictures, mistakes, what the filters see, the network, the data, and
    how to repeat it. It asks no server for anything. What is not measured yet is measured first.
    Several runs are compared on one page.

    A page of one run is written into it, as report.html; of several into the current directory. A
    page that is there is replaced.

    \b
    Examples:
      cnnzoo report
      cnnzoo report runs/lenet/1
      cnnzoo report runs/lenet/1 runs/lenet/2 --output lenets.html
    """
    from cnnzoo.reporting.page.write import report_page
    from cnnzoo.runs.run import latest_run, open_run
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.output import write_file
    from cnnzoo.terminal.tables import console

    chosen = [open_run(run) for run in runs] or [latest_run(runs_dir)]
    page = report_page(chosen, device=device, display=display_for(console()))
    path = output or (chosen[0].path if len(chosen) == 1 else Path()) / "report.html"
    write_file(path, page)
    click.echo(f"written to {path}: {len(page.encode()) / 1e6:.1f} MB")
