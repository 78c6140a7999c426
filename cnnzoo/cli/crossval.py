"""`cnnzoo crossval`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from cnnzoo import limits
from cnnzoo.cli.completion import complete_config_or_crossval
from cnnzoo.cli.options import crossval_dir_option, device_option, split_words

if TYPE_CHECKING:
    from cnnzoo.studies.crossval_directory import CrossvalDirectory
    from cnnzoo.studies.progress import StudyDisplay


@click.command()
@click.argument(
    "words",
    nargs=-1,
    metavar="[CONFIG|NAME] [KEY=VALUE]...",
    shell_complete=complete_config_or_crossval,
)
@click.option(
    "--folds",
    type=click.IntRange(2, limits.FOLDS),
    metavar="K",
    help="Number of folds, 5 by default.",
)
@click.option(
    "--repeats",
    type=click.IntRange(1, limits.REPEATS),
    metavar="N",
    help="Number of divisions into folds, 1 by default.",
)
@click.option("--resume", is_flag=True, help="Continue NAME, by default the latest one.")
@click.option("--name", metavar="NAME", help="Name; by default the configuration's.")
@crossval_dir_option
@device_option
def crossval(
    words: tuple[str, ...],
    folds: int | None,
    repeats: int | None,
    resume: bool,
    name: str | None,
    crossval_dir: str,
    device: str,
) -> None:
    """Estimate how good a configuration is by cross-validation.

    The examples for training and validation are divided into folds, stratified by class; images of
    one subject stay in one fold with data.group. For each fold, the configuration is trained on
    the others, from which the validation split is taken too, and measured on the fold. The result
    is the mean of each metric with its 95 % interval, and a prediction for every example by a model
    that was not trained on it.

    A test part of the data is not used. A test split that is only a fraction of the examples is not
    held out: the folds replace it.

    Each fold is a run, crossval/NAME/1 and so on. --resume continues an interrupted or killed
    cross-validation and gives the same result as without the interruption.

    \b
    Examples:
      cnnzoo crossval my.yaml
      cnnzoo crossval my.yaml --folds 10 --repeats 3 data.group='(s[0-9]+)_'
      cnnzoo crossval --resume
      cnnzoo report crossval/my
    """
    from cnnzoo.errors import TrainingError
    from cnnzoo.studies.crossval import run_crossval
    from cnnzoo.studies.crossval_directory import CrossvalDirectory
    from cnnzoo.studies.crossval_results import failure_text
    from cnnzoo.terminal.console import console, print_parts
    from cnnzoo.terminal.crossval_table import crossval_tables, next_step
    from cnnzoo.terminal.study_lines import StudyLines

    named, overrides = split_words(words)
    if len(named) > 1:
        raise click.UsageError(f"one configuration is cross-validated, not {', '.join(named)}")
    word = named[0] if named else None
    display = StudyLines(console())
    if resume:
        if overrides or folds or repeats or name:
            raise click.UsageError(
                "--resume continues with the values of the start: omit KEY=VALUE, --folds, "
                "--repeats and --name"
            )
        directory = CrossvalDirectory.choose(word, crossval_dir)
    else:
        renamed = [f"name={name}"] if name else []
        directory = _start(
            word, [*overrides, *renamed], crossval_dir, folds or 5, repeats or 1, display
        )
    record = run_crossval(
        directory, device=device, display=display, command=["cnnzoo", *sys.argv[1:]]
    )
    print_parts(*crossval_tables(record))
    if text := failure_text(record):
        raise TrainingError(
            text,
            hint="no mean over fewer folds is given; try again: cnnzoo crossval --resume "
            f"{directory}; or change the configuration, with another --name",
        )
    click.echo(next_step(directory, record))


def _start(
    word: str | None,
    overrides: list[str],
    crossval_dir: str,
    folds: int,
    repeats: int,
    display: StudyDisplay,
) -> CrossvalDirectory:
    from cnnzoo.config.loader import load_raw
    from cnnzoo.studies.crossval import start_crossval

    if word is None:
        raise click.UsageError("Missing argument 'CONFIG'.")
    raw = load_raw(word, overrides)
    return start_crossval(raw, crossval_dir, folds=folds, repeats=repeats, display=display)
