"""`cnnzoo data check`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnzoo.cli.completion import complete_config
from cnnzoo.cli.options import format_option, note
from cnnzoo.datasets.check.kinds import KINDS, LABEL_ERROR

if TYPE_CHECKING:
    from cnnzoo.config.schema import Config
    from cnnzoo.datasets.check.diagnosis import Diagnosis

# The network for a folder without a configuration: 64x64 in colour.
_FOR_FOLDERS = "alexnet_lite"


@click.command("check")
@click.argument("config", metavar="CONFIG", shell_complete=complete_config)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@format_option("table", "json", help="Output format; JSON lists every item.")
@click.option(
    "--predictions",
    metavar="PATH",
    type=click.Path(path_type=Path, exists=True),
    help="Find wrong labels by these predictions: a cross-validation, or a predictions.csv.",
)
@click.option(
    "--contact-sheet",
    metavar="FILE.png",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the first pictures of each kind of problem into one image.",
)
@click.option(
    "--write-exclusions",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the items to exclude, a table for data.exclude.",
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(list(KINDS)),
    multiple=True,
    metavar="KIND",
    help="Write only exclusions of this kind, such as blank or near_duplicate; can be repeated.",
)
def check_data(
    config: str,
    overrides: tuple[str, ...],
    form: str,
    predictions: Path | None,
    contact_sheet: Path | None,
    write_exclusions: Path | None,
    kinds: tuple[str, ...],
) -> None:
    """Check the data of a configuration for problems.

    CONFIG is a YAML file, the name of a network in the zoo, or a folder of images. The pictures are
    decoded as for training, and stay in the cache.

    The check finds unreadable files, blank pictures, exact and near copies (also with another label
    or in another split), imbalanced, tiny and missing classes, extreme and mixed sizes, mixed
    colours and formats, and files that are not images. With --predictions it also finds labels that
    are probably wrong, by confident learning. Each image must be predicted by a network that was
    not trained on it.

    The exclusions are unreadable files, blank pictures, all copies but one (the one in test, or
    else in validation, is kept), all copies of a picture with several labels, and pictures whose
    label is probably wrong. They are excluded when you name the written file in data.exclude.

    The exit code is 0 without errors, 1 if an error was found, 2 if the data cannot be checked.

    \b
    Examples:
      cnnzoo data check my.yaml
      cnnzoo data check lenet data.folder=photos --contact-sheet found.png
      cnnzoo data check photos/ --write-exclusions exclude.csv
      cnnzoo data check my.yaml --predictions crossval/my --contact-sheet found.png
      cnnzoo train --config lenet data.folder=photos data.exclude=exclude.csv
    """
    from cnnzoo.errors import DataError, UserError

    if LABEL_ERROR in kinds and predictions is None:
        raise UserError(
            f"--kind {LABEL_ERROR} needs --predictions",
            hint="give the directory of a cross-validation: cnnzoo crossval CONFIG writes it",
        )
    loaded = _load(config, overrides)
    if loaded.data is None:
        raise DataError(
            f"{loaded.name} has no data to check", hint="add data.folder=DIR or data=NAME"
        )
    diagnosis = _checked(loaded)
    if predictions:
        from cnnzoo.evaluation.label_check import check_labels

        diagnosis = check_labels(diagnosis, predictions, note)
    if form == "json":
        click.echo(json.dumps(diagnosis.plain(), indent=1))
    else:
        _print(diagnosis)
    if contact_sheet:
        _draw(diagnosis, contact_sheet)
    if write_exclusions:
        _write(diagnosis.exclusions(kinds), write_exclusions)
    if diagnosis.serious:
        raise SystemExit(1)


def _load(config: str, overrides: tuple[str, ...]) -> Config:
    from cnnzoo.config import zoo
    from cnnzoo.config.data_sources import SOURCES
    from cnnzoo.config.loader import load_config

    sources = ("data=", *(f"data.{key}" for key in SOURCES))
    has_source = any(word.startswith(sources) for word in overrides)
    if Path(config).is_dir() and not (config in zoo.names() and has_source):
        return load_config(_FOR_FOLDERS, (f"data.folder={json.dumps(config)}", *overrides))
    return load_config(config, overrides)


def _checked(config: Config) -> Diagnosis:
    from rich.progress import Progress

    from cnnzoo.datasets.check.check import check_data
    from cnnzoo.terminal.console import Console

    assert config.data
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        return check_data(config.data, image_shape=config.model.input_shape, on_progress=show)


def _print(diagnosis: Diagnosis) -> None:
    from cnnzoo.terminal.console import print_parts
    from cnnzoo.terminal.findings_table import findings_table, summary

    if diagnosis.findings:
        print_parts(findings_table(diagnosis))
    click.echo(summary(diagnosis))


def _draw(diagnosis: Diagnosis, path: Path) -> None:
    from cnnzoo.datasets.check.contact_sheet import contact_sheet
    from cnnzoo.terminal.output import writing

    with writing(path) as temporary:
        contact_sheet(diagnosis).save(temporary, "PNG")
    click.echo(f"drawn to {path}", err=True)


def _write(excluded: dict[str, str], path: Path) -> None:
    from cnnzoo.terminal.output import writing

    # A name that is not valid UTF-8 is written and read as the bytes on the disk.
    with (
        writing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        csv.writer(file).writerows([("name", "reason"), *excluded.items()])
    click.echo(
        f"{len(excluded):,} written to {path}; exclude them with data.exclude={path}", err=True
    )
