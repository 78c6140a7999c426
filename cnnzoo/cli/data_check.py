"""`cnnzoo data check`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnzoo.cli.completion import complete_config
from cnnzoo.cli.options import format_option
from cnnzoo.datasets.check.kinds import KINDS

if TYPE_CHECKING:
    from cnnzoo.config.schema import Config
    from cnnzoo.datasets.check.check import Diagnosis

# What a folder without a configuration is checked for: 64x64 in colour.
_FOR_FOLDERS = "alexnet_lite"


@click.command("check")
@click.argument("config", metavar="CONFIG", shell_complete=complete_config)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@format_option("table", "json", help="How to print what was found; JSON names every item.")
@click.option(
    "--contact-sheet",
    metavar="FILE.png",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the first pictures of each kind into one.",
)
@click.option(
    "--write-exclusions",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what to leave out, a table for data.exclude.",
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(list(KINDS)),
    multiple=True,
    metavar="KIND",
    help="Write only what was found of this kind, such as blank or near_duplicate; may be "
    "repeated.",
)
def check_data(
    config: str,
    overrides: tuple[str, ...],
    form: str,
    contact_sheet: Path | None,
    write_exclusions: Path | None,
    kinds: tuple[str, ...],
) -> None:
    """Report what is wrong with the data of a configuration.

    CONFIG is a YAML file, a name of the zoo, or a folder of images. The pictures are decoded as a
    training would, and kept for it.

    Found are files that cannot be read, blank pictures, copies, exact or nearly so, also with
    another label or in another split, uneven, tiny and missing classes, extreme and mixed sizes,
    mixed colours, and files that are no images.

    The exclusions are what cannot be read or is blank, all copies but one (that in test, else that
    in validation, is kept), and all of a picture that is there with several labels.

    The exit code is 0 where nothing serious was found, 1 where there is an error, 2 where the data
    could not be checked.

    \b
    Examples:
      cnnzoo data check my.yaml
      cnnzoo data check lenet data.folder=photos --contact-sheet found.png
      cnnzoo data check photos/ --write-exclusions exclude.csv
      cnnzoo train --config lenet data.folder=photos data.exclude=exclude.csv
    """
    from cnnzoo.errors import DataError

    loaded = _load(config, overrides)
    if loaded.data is None:
        raise DataError(
            f"{loaded.name} names no data to check", hint="add data.folder=DIR or data=NAME"
        )
    diagnosis = _checked(loaded)
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
    from cnnzoo.config.loader import load_config

    if Path(config).is_dir() and config not in zoo.names():
        return load_config(_FOR_FOLDERS, (f"data.folder={json.dumps(config)}", *overrides))
    return load_config(config, overrides)


def _checked(config: Config) -> Diagnosis:
    from rich.console import Console
    from rich.progress import Progress

    from cnnzoo.datasets.check.check import check_data

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

    # A name that is no UTF-8 is written as it is on the disk, and so read again.
    with (
        writing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        csv.writer(file).writerows([("name", "reason"), *excluded.items()])
    click.echo(
        f"{len(excluded):,} written to {path}; leave them out with data.exclude={path}", err=True
    )
