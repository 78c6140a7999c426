"""`cnnzoo report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnzoo.cli.completion import complete_run_or_sweep
from cnnzoo.cli.options import (
    device_option,
    force_option,
    format_option,
    note,
    output_option,
    runs_dir_option,
)

if TYPE_CHECKING:
    from cnnzoo.studies.sweep_directory import SweepDirectory


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN...|SWEEP]", shell_complete=complete_run_or_sweep)
@output_option
@click.option(
    "--figures",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write every figure of the page into this directory.",
)
@format_option("svg", "png", "pdf", help="Format of the figures.")
@force_option
@runs_dir_option
@device_option
def report(
    runs: tuple[str, ...],
    output: Path | None,
    figures: Path | None,
    form: str,
    force: bool,
    runs_dir: str,
    device: str,
) -> None:
    """Write a report of runs, or of a sweep, as one HTML page.

    RUN is a run directory or the name of a run; by default the latest run. The page is one file
    that works offline: metrics with intervals, learning curves, the confusion matrix with its
    images, mistakes, filters, the network, the data, and how to repeat the run. A run that was not
    evaluated yet is evaluated first. Several runs are compared on one page.

    The page of one run is written into the run as report.html; that of several runs into the
    working directory. Figures of several runs are written into a directory for each of them.

    SWEEP is the directory of a sweep: its page has the best trials, the importance of each setting
    and the learning curves.

    \b
    Examples:
      cnnzoo report
      cnnzoo report runs/lenet/1
      cnnzoo report runs/lenet/1 runs/lenet/2 --output lenets.html
      cnnzoo report --figures figures --format pdf
      cnnzoo report sweeps/my
    """
    from cnnzoo.reporting.figures import FIGURES, figure_folders, write_figures
    from cnnzoo.reporting.page.write import collect_reports, page_of
    from cnnzoo.runs.choose import choose_run
    from cnnzoo.runs.trained import results_folder
    from cnnzoo.studies.sweep_directory import sweep_at
    from cnnzoo.terminal.console import console
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.output import refuse_existing, write_file

    refuse_existing(output, force)
    if len(runs) == 1 and (sweep := sweep_at(runs[0])):
        _report_sweep(sweep, output, figures, form, force)
        return
    chosen = [choose_run(run, runs_dir, note) for run in runs or (None,)]
    if output is None and len(chosen) > 1:
        output = Path("report.html")
        refuse_existing(output, force)
    folders = figure_folders(chosen, figures) if figures else []
    for folder in folders:
        for name in FIGURES:
            refuse_existing(folder / f"{name}.{form}", force)
    reports = collect_reports(chosen, device=device, display=display_for(console()))
    page = page_of(reports)
    path = output or results_folder(chosen[0]) / "report.html"
    write_file(path, page)
    click.echo(f"written to {path}: {len(page.encode()) / 1e6:.1f} MB")
    for each, folder in zip(reports, folders, strict=False):
        written = write_figures(each, folder, form)
        click.echo(f"written to {folder}: {len(written)} figures")


def _report_sweep(
    sweep: SweepDirectory, output: Path | None, figures: Path | None, form: str, force: bool
) -> None:
    from cnnzoo.reporting.sweep.data import collect_sweep
    from cnnzoo.reporting.sweep.figures import FIGURES, write_sweep_figures
    from cnnzoo.reporting.sweep.page import sweep_page
    from cnnzoo.studies.sweep_directory import REPORT
    from cnnzoo.terminal.output import refuse_existing, write_file

    for name in FIGURES if figures else ():
        refuse_existing(figures / f"{name}.{form}" if figures else None, force)
    data = collect_sweep(sweep)
    page = sweep_page(data)
    path = output or sweep.path / REPORT
    write_file(path, page)
    click.echo(f"written to {path}: {len(page.encode()) / 1e6:.1f} MB")
    if figures:
        written = write_sweep_figures(data, figures, form)
        click.echo(f"written to {figures}: {len(written)} figures")
