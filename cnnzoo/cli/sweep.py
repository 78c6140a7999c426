"""`cnnzoo sweep`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnnzoo.cli.cluster import cluster_options
from cnnzoo.cli.completion import complete_config_or_sweep
from cnnzoo.cli.options import device_option, output_option, split_words, sweeps_dir_option

if TYPE_CHECKING:
    from cnnzoo.cli.cluster import Cluster
    from cnnzoo.studies.sweep_directory import SweepDirectory


def _timeout(context: click.Context, parameter: click.Parameter, value: str) -> float:
    from cnnzoo.config.durations import checked, seconds_of

    try:
        return seconds_of(checked(value))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument(
    "words",
    nargs=-1,
    metavar="[FILE|SWEEP] [KEY=VALUE]...",
    shell_complete=complete_config_or_sweep,
)
@click.option("--resume", is_flag=True, help="Continue SWEEP, by default the latest one.")
@click.option("--best", is_flag=True, help="Print the configuration of the best trial of SWEEP.")
@click.option("--name", metavar="NAME", help="Name of the sweep; by default the configuration's.")
@click.option(
    "--storage",
    metavar="URL",
    help="Database of the trials, such as postgresql://user@host/studies; by default a file in "
    "the directory of the sweep.",
)
@click.option(
    "--timeout",
    default="2m",
    show_default=True,
    metavar="TIME",
    callback=_timeout,
    help="Take over the trial of another machine after this time of silence.",
)
@output_option
@sweeps_dir_option
@device_option
@cluster_options("ray", without=["storage_path"])
def sweep(
    words: tuple[str, ...],
    resume: bool,
    best: bool,
    name: str | None,
    storage: str | None,
    timeout: float,
    output: Path | None,
    sweeps_dir: str,
    device: str,
    cluster: Cluster | None,
) -> None:
    """Search hyper-parameters by many trainings.

    FILE is a configuration with a sweep section, which names the settings, their values, the number
    of trials and the objective. Each trial is a run, sweeps/NAME/1 and so on. The best one is
    measured on the test split at the end.

    The same command, started several times or on machines that share the directory, works on the
    same sweep. --resume continues an interrupted or killed sweep and gives the same trials as
    without the interruption; sweep.trials=N extends a finished one.

    --cluster ray starts such processes, the workers, on a running cluster, or on this machine, and
    shows the progress of all. The machines must share the directory of the sweep and the data,
    under the same paths.

    --best prints the configuration of the best trial, for cnnzoo train.

    \b
    Examples:
      cnnzoo sweep my.yaml
      cnnzoo sweep my.yaml sweep.trials=10 --name quick
      cnnzoo sweep --resume
      cnnzoo sweep my.yaml --cluster ray --workers 4 --address 10.0.0.1:6379
      cnnzoo sweep my --best > best.yaml
      cnnzoo report sweeps/my
    """
    from cnnzoo.extras import require
    from cnnzoo.studies.sweep_directory import SweepDirectory
    from cnnzoo.studies.sweep_results import best_config
    from cnnzoo.terminal.console import console, print_parts
    from cnnzoo.terminal.output import print_or_write, refuse_existing
    from cnnzoo.terminal.sweep_table import next_step, sweep_table

    named, overrides = split_words(words)
    if len(named) > 1:
        raise click.UsageError(f"one sweep is run, not {', '.join(named)}")
    word = named[0] if named else None
    if best:
        if cluster:
            raise click.UsageError("--best trains nothing, so it takes no --cluster")
        refuse_existing(output)
        print_or_write(best_config(SweepDirectory.choose(word, sweeps_dir)), output)
        return
    for package in ("optuna", "cmaes"):
        require(package, "sweep")
    from cnnzoo.studies.sweep import extend_sweep, run_sweep
    from cnnzoo.studies.sweep_storage import without_password

    workers = cluster.ray_workers() if cluster else None
    if resume:
        directory = SweepDirectory.choose(word, sweeps_dir)
        extend_sweep(directory, overrides)
    else:
        directory = _start(word, overrides, name, sweeps_dir)
    options: dict[str, Any] = {
        "storage": storage,
        "timeout": timeout,
        "device": device,
        "command": ["cnnzoo", *map(without_password, sys.argv[1:])],
    }
    if workers:
        from cnnzoo.cluster.ray_sweep import sweep_on_ray
        from cnnzoo.terminal.sweep_lines import ManyTrialsLines

        record = sweep_on_ray(directory, workers, display=ManyTrialsLines(console()), **options)
    else:
        from cnnzoo.terminal.sweep_lines import SweepLines

        record = run_sweep(directory, display=SweepLines(console()), **options)
    print_parts(*sweep_table(directory, record))
    click.echo(next_step(directory, record))


def _start(
    word: str | None, overrides: list[str], name: str | None, sweeps_dir: str
) -> SweepDirectory:
    from cnnzoo.config.loader import load_raw
    from cnnzoo.studies.sweep import start_sweep

    if word is None:
        raise click.UsageError("Missing argument 'FILE'.")
    renamed = [f"name={name}"] if name else []
    return start_sweep(load_raw(word, [*overrides, *renamed]), sweeps_dir)
