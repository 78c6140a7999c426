"""`cnnzoo train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnnzoo.cli.completion import complete_config, complete_run
from cnnzoo.cli.options import device_option, runs_dir_option

if TYPE_CHECKING:
    from cnnzoo.runs.run import Run


@click.command()
@click.option(
    "--config",
    metavar="FILE",
    shell_complete=complete_config,
    help="A YAML file, or a name of the zoo.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with RUN, or with the latest run that is not finished.",
)
@click.argument("words", nargs=-1, metavar="[RUN] [KEY=VALUE]...", shell_complete=complete_run)
@click.option("--name", metavar="NAME", help="Name of the run, instead of the configuration's.")
@runs_dir_option
@device_option
def train(
    config: str | None,
    resume: bool,
    words: tuple[str, ...],
    name: str | None,
    runs_dir: str,
    device: str,
) -> None:
    """Train a configuration and measure it, or go on with a run.

    The best model, by the metric that the configuration monitors, is measured on the test split.

    KEY=VALUE words change the configuration: dotted keys, list indices.

    --resume goes on where a run was interrupted or killed, to the same weights as if it had not
    been; training.epochs=N extends one that is finished.

    \b
    Examples:
      cnnzoo train --config lenet
      cnnzoo train --config my.yaml training.epochs=5 data=digits
      cnnzoo train --config lenet model.layers.1.Conv2D.filters=32 --name wide
      cnnzoo train --config lenet training.optimizer.SGD.learning_rate=0.1
      cnnzoo train --resume
      cnnzoo train --resume runs/lenet/1 training.epochs=40
    """
    from cnnzoo.config.loader import load_config
    from cnnzoo.evaluation.evaluate import evaluate
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.summary import summary
    from cnnzoo.terminal.tables import console, headline
    from cnnzoo.training.processes import is_first
    from cnnzoo.training.resume import resume as resume_run
    from cnnzoo.training.train import train as train_config

    options: dict[str, Any] = {
        "device": device,
        "display": display_for(console()),
        "command": ["cnnzoo", *sys.argv[1:]],
    }
    renamed = [f"name={name}"] if name else []
    if resume:
        if config:
            raise click.UsageError("--resume goes on with a run, --config begins one: name one")
        going_on, overrides = _run_and_overrides(words, runs_dir)
        run = resume_run(going_on, [*overrides, *renamed], **options)
    elif config:
        run = train_config(load_config(config, [*words, *renamed]), runs_dir, **options)
    else:
        raise click.UsageError("Missing option '--config'.")
    if not is_first():
        return  # of several processes, one measures what they trained
    measured = evaluate(run) if run.record()["data"]["examples"]["test"] else None
    if run.config().training.tensorboard:
        from cnnzoo.reporting.tensorboard import write_images

        write_images(run, measured)
    click.echo(summary(run, [headline(measured)] if measured else []))


def _run_and_overrides(words: tuple[str, ...], runs_dir: str) -> tuple[Run, list[str]]:
    """The run that is named among the words, else the latest that can go on; and the others."""
    from cnnzoo.runs.run import open_run, run_to_resume

    named = [word for word in words if "=" not in word or Path(word).is_dir()]
    overrides = [word for word in words if word not in named]
    if len(named) > 1:
        raise click.UsageError(f"--resume goes on with one run, not {', '.join(named)}")
    if named:
        return open_run(named[0]), overrides
    # Who changes something means the run that was just there, be it finished.
    return run_to_resume(runs_dir, finished=bool(overrides)), overrides
