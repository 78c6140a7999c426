"""`cnnzoo train`."""

from __future__ import annotations

import sys

import click

from cnnzoo.cli.completion import complete_config
from cnnzoo.cli.options import device_option, runs_dir_option


@click.command()
@click.option(
    "--config",
    required=True,
    metavar="FILE",
    shell_complete=complete_config,
    help="A YAML file, or a name of the zoo.",
)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--name", metavar="NAME", help="Name of the run, instead of the configuration's.")
@runs_dir_option
@device_option
def train(
    config: str, overrides: tuple[str, ...], name: str | None, runs_dir: str, device: str
) -> None:
    """Train a configuration and measure it.

    The best model, by the metric that the configuration monitors, is measured on the test split.

    KEY=VALUE words change the configuration: dotted keys, list indices.

    \b
    Examples:
      cnnzoo train --config lenet
      cnnzoo train --config my.yaml training.epochs=5 data=digits
      cnnzoo train --config lenet model.layers.1.Conv2D.filters=32 --name wide
      cnnzoo train --config lenet training.optimizer.SGD.learning_rate=0.1
    """
    from cnnzoo.cli.tables import console, headline
    from cnnzoo.config.loader import load_config
    from cnnzoo.evaluation.evaluate import evaluate
    from cnnzoo.training.progress import display_for, metrics_text
    from cnnzoo.training.train import train as train_config

    if name:
        overrides = (*overrides, f"name={name}")
    run = train_config(
        load_config(config, overrides),
        runs_dir,
        device=device,
        display=display_for(console()),
        command=["cnnzoo", *sys.argv[1:]],
    )
    best = run.record()["best_epoch"]
    history = run.history()
    click.echo(f"best epoch {best} of {len(history)}: {metrics_text(history[best - 1])}")
    if run.record()["data"]["examples"]["test"]:
        click.echo(headline(evaluate(run)))
    click.echo(f"run: {run}")
    click.echo(f"next: cnnzoo evaluate {run}")
