"""`cnnzoo report`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnzoo.cli.completion import complete_run_or_study
from cnnzoo.cli.options import (
    device_option,
    force_option,
    format_option,
    note,
    output_option,
    runs_dir_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from cnnzoo.studies.crossval_directory import CrossvalDirectory
    from cnnzoo.studies.study_directory import StudyDirectory
    from cnnzoo.studies.sweep_directory import SweepDirectory


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN...|STUDY]", shell_complete=complete_run_or_study)
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
    """Write a report of runs, or of a study, as one HTML page.

    RUN is a run directory or the name of a run; by default the latest run. The page is one file
    that works offline: metrics with intervals, learning curves, the confusion matrix with its
    images, mistakes, filters, the network, the data, and how to repeat the run. A run that was not
    evaluated yet is evaluated first. Several runs are compared on one page.

    The page of one run is written into the run as report.html; that of several runs into the
    working directory. Figures of several runs are written into a directory for each of them.

    STUDY is the directory of a sweep, whose page has the best trials, the importance of each
    setting and the learning curves; or of a cross-validation, whose page has the metrics with
    intervals, the folds, and the confusion matrix of the out-of-fold predictions.

    \b
    Examples:
      cnnzoo report
      cnnzoo report runs/lenet/1
      cnnzoo report runs/lenet/1 runs/lenet/2 --output lenets.html
      cnnzoo report --figures figures --format pdf
      cnnzoo report sweeps/my
      cnnzoo report crossval/my
    """
    from cnnzoo.reporting.figures import FIGURES, figure_folders, write_figures
    from cnnzoo.reporting.page.write import collect_reports, page_of
    from cnnzoo.runs.choose import choose_run
    from cnnzoo.runs.trained import results_folder
    from cnnzoo.studies.crossval_directory import CrossvalDirectory
    from cnnzoo.studies.sweep_directory import SweepDirectory
    from cnnzoo.terminal.console import console
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.output import refuse_existing, write_file

    refuse_existing(output, force)
    if len(runs) == 1:
        if sweep := SweepDirectory.at(runs[0]):
            _report_study(sweep, *_of_sweep(sweep), output, figures, form, force)
            return
        if crossval := CrossvalDirectory.at(runs[0]):
            _report_study(crossval, *_of_crossval(crossval), output, figures, form, force)
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


# The page of a study, and for each of its figures the name and the function that draws it.
Drawings = dict[str, "Callable[[], Figure | None]"]


def _of_sweep(directory: SweepDirectory) -> tuple[str, Drawings]:
    from cnnzoo.reporting.sweep.data import collect_sweep
    from cnnzoo.reporting.sweep.figures import FIGURES
    from cnnzoo.reporting.sweep.page import sweep_page

    data = collect_sweep(directory)
    return sweep_page(data), {name: partial(draw, data) for name, draw in FIGURES.items()}


def _of_crossval(directory: CrossvalDirectory) -> tuple[str, Drawings]:
    from cnnzoo.reporting.crossval.data import collect_crossval
    from cnnzoo.reporting.crossval.figures import FIGURES
    from cnnzoo.reporting.crossval.page import crossval_page

    data = collect_crossval(directory)
    return crossval_page(data), {name: partial(draw, data) for name, draw in FIGURES.items()}


def _report_study(
    study: StudyDirectory,
    page: str,
    drawings: Drawings,
    output: Path | None,
    figures: Path | None,
    form: str,
    force: bool,
) -> None:
    """Write the page of a study, and its figures if a folder is given."""
    from cnnzoo.reporting.saving import save_drawings
    from cnnzoo.studies.study_directory import REPORT
    from cnnzoo.terminal.output import refuse_existing, write_file

    for name in drawings if figures else ():
        refuse_existing(figures / f"{name}.{form}" if figures else None, force)
    path = output or study.path / REPORT
    write_file(path, page)
    click.echo(f"written to {path}: {len(page.encode()) / 1e6:.1f} MB")
    if figures:
        written = save_drawings(drawings, figures, form)
        click.echo(f"written to {figures}: {len(written)} figures")
