"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cnnzoo.models.backend import DEVICES
from cnnzoo.text import printable


def _directory_option(name: str, of: str = "") -> Callable[[Any], Any]:
    """The option of a directory of runs or studies: `--runs-dir`, CNNZOO_RUNS_DIR, `runs`."""
    return click.option(
        f"--{name}-dir",
        default=name,
        envvar=f"CNNZOO_{name.upper()}_DIR",
        callback=lambda context, parameter, value: str(Path(value).expanduser()),
        show_default=True,
        show_envvar=True,
        metavar="DIR",
        help=f"Directory of the {of or name}.",
    )


runs_dir_option = _directory_option("runs")

sweeps_dir_option = _directory_option("sweeps")

crossval_dir_option = _directory_option("crossval", "cross-validations")

output_option = click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to this file instead of printing.",
)

force_option = click.option("--force", is_flag=True, help="Overwrite existing files.")

device_option = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="Device to compute on.",
)


def note(text: str) -> None:
    """Print a note on standard error."""
    click.echo(f"note: {text}", err=True)


def _trust(context: click.Context, parameter: click.Parameter, trust: bool) -> Any:
    """A function that prints each class that is loaded because of `--trust`, or None."""

    def note(refusal: str) -> None:
        click.echo(f"note: --trust loads {printable(refusal)}", err=True)

    return note if trust else None


trust_option = click.option(
    "--trust",
    is_flag=True,
    callback=_trust,
    help="Load a model with any class; runs Python code in the file.",
)


def format_option(*forms: str, help: str) -> Callable[..., Any]:
    """Return the option `--format`, the first form by default; the command gets it as `form`."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], show_default=True, help=help
    )


def split_words(words: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Split into names and KEY=VALUE settings; a path that contains = is a name."""
    named = [word for word in words if "=" not in word or Path(word).exists()]
    return named, [word for word in words if word not in named]
