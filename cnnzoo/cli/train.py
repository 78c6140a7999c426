"""`cnnzoo train`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cnnzoo.cli.cluster import cluster_options
from cnnzoo.cli.completion import complete_config, complete_config_or_run
from cnnzoo.cli.options import device_option, note, runs_dir_option, split_words

if TYPE_CHECKING:
    from cnnzoo.cli.cluster import Cluster
    from cnnzoo.runs.run import Run


@click.command()
@click.argument(
    "words",
    nargs=-1,
    metavar="[CONFIG|RUN] [KEY=VALUE]...",
    shell_complete=complete_config_or_run,
)
@click.option(
    "--config",
    metavar="CONFIG",
    shell_complete=complete_config,
    help="The configuration, as an option: a YAML file or a name of the zoo.",
)
@click.option("--resume", is_flag=True, help="Continue RUN, by default the latest unfinished run.")
@click.option("--name", metavar="NAME", help="Name of the run; by default the configuration's.")
@runs_dir_option
@device_option
@cluster_options("slurm", "ray")
def train(
    words: tuple[str, ...],
    config: str | None,
    resume: bool,
    name: str | None,
    runs_dir: str,
    device: str,
    cluster: Cluster | None,
) -> None:
    """Train a configuration and measure it, or resume a run.

    CONFIG is a YAML file or a name of the zoo. KEY=VALUE settings override it: dotted keys, list
    indices. The best model, by the metric that the configuration monitors, is measured on the test
    split.

    --resume continues an interrupted or killed run and gives the same weights as without the
    interruption; training.epochs=N extends a finished run.

    --cluster trains on several machines with training.devices=all: slurm submits a job, ray uses a
    running cluster, or the cores and GPUs of this machine. The machines must share the directory of
    the runs and the data, under the same paths, or exchange them through --storage-path.

    \b
    Examples:
      cnnzoo train lenet
      cnnzoo train my.yaml training.epochs=5 data=digits
      cnnzoo train lenet model.layers.1.Conv2D.filters=32 --name wide
      cnnzoo train lenet training.optimizer.SGD.learning_rate=0.1
      cnnzoo train --resume
      cnnzoo train --resume runs/lenet/1 training.epochs=40
      cnnzoo train resnet20 --cluster slurm --nodes 4 --time 2h
      cnnzoo train resnet20 --cluster ray --workers 4 --address 10.0.0.1:6379
    """
    from cnnzoo.config.loader import load_config
    from cnnzoo.evaluation.evaluate import evaluate
    from cnnzoo.terminal.console import console
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.metrics_tables import headline
    from cnnzoo.terminal.summary import summary
    from cnnzoo.training.devices import is_first_process
    from cnnzoo.training.resume import resume as resume_run
    from cnnzoo.training.train import train as train_config

    options: dict[str, Any] = {
        "device": device,
        "display": display_for(console()),
        "command": ["cnnzoo", *sys.argv[1:]],
    }
    renamed = [f"name={name}"] if name else []
    if cluster:
        if resume:
            resumed, overrides = _run_and_overrides(words, runs_dir)
            run = cluster.resume(resumed, [*overrides, *renamed], options["display"])
        else:
            config, overrides = _config_and_overrides(config, words)
            run = cluster.start(config, [*overrides, *renamed], runs_dir, options["display"])
        if cluster.only_queues:
            return
    elif resume:
        if config:
            raise click.UsageError("--resume continues a run and --config starts one: use one")
        resumed, overrides = _run_and_overrides(words, runs_dir)
        changes = [*overrides, *renamed]
        # A run that was killed while its test split was measured has nothing left to train.
        is_trained = resumed.awaits_measurement() and not changes
        run = resumed if is_trained else resume_run(resumed, changes, **options)
    else:
        config, overrides = _config_and_overrides(config, words)
        run = train_config(load_config(config, [*overrides, *renamed]), runs_dir, **options)
    if not is_first_process():
        return  # one of several processes measures what they trained
    measured = evaluate(run) if run.record()["data"]["examples"]["test"] else None
    if run.config().training.tensorboard:
        from cnnzoo.reporting.tensorboard import write_images

        write_images(run, measured)
    click.echo(summary(run, [headline(measured)] if measured else []))


def _config_and_overrides(config: str | None, words: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the configuration, named by the option or the first word, and the settings."""
    if config:
        return config, list(words)
    named, overrides = split_words(words)
    if not named:
        raise click.UsageError("Missing argument 'CONFIG'.")
    if len(named) > 1:
        raise click.UsageError(f"one configuration is trained, not {', '.join(named)}")
    return named[0], overrides


def _run_and_overrides(words: tuple[str, ...], runs_dir: str) -> tuple[Run, list[str]]:
    """Return the run that is named, or else the latest that can be resumed, and the settings."""
    from cnnzoo.runs.choose import choose_run
    from cnnzoo.runs.run import run_to_resume

    named, overrides = split_words(words)
    if len(named) > 1:
        raise click.UsageError(f"one run is resumed, not {', '.join(named)}")
    if named:
        return choose_run(named[0], runs_dir, note, trained=False), overrides
    # With settings, the latest run is meant even if it is finished.
    return run_to_resume(runs_dir, note, finished=bool(overrides)), overrides
