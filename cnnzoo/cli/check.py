"""`cnnzoo check`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_config
from cnnzoo.errors import CnnzooError, UserError


@click.command()
@click.argument(
    "words",
    nargs=-1,
    required=True,
    metavar="FILES... [KEY=VALUE]...",
    shell_complete=complete_config,
)
def check(words: tuple[str, ...]) -> None:
    """Report all errors in configurations.

    Each error is printed as file:line:column: error: ..., which editors parse. KEY=VALUE settings
    apply to every file. Each value of a sweep is checked. No framework is loaded. The exit code is
    2 if there is an error.

    \b
    Examples:
      cnnzoo check my.yaml
      cnnzoo check configs/*.yaml
      cnnzoo check lenet data.folder=photos
    """
    from cnnzoo.config.loader import load_raw, make_config
    from cnnzoo.studies.sweep_check import check_sweep
    from cnnzoo.text import counted
    from cnnzoo.training.checks import check_config, check_initial_weights

    files = [word for word in words if "=" not in word or Path(word).exists()]
    overrides = [word for word in words if word not in files]
    if not files:
        raise UserError("no configuration is named", hint="for example: cnnzoo check my.yaml")
    mistakes = 0
    for file in files:
        try:
            raw = load_raw(file, overrides)
            config = make_config(raw)
            check_initial_weights(check_config(config), downloads=False)
            if config.data and config.data.group:
                from cnnzoo.datasets.groups import check_groups

                check_groups(config.data)
            if config.sweep:
                check_sweep(raw)
        except CnnzooError as error:
            click.echo(str(error))
            mistakes += len(error.mistakes)
    found = counted(mistakes, "mistake") if mistakes else "no mistakes"
    click.echo(f"{counted(len(files), 'file')} checked, {found}", err=True)
    if mistakes:
        raise SystemExit(2)
