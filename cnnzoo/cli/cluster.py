"""The options `--cluster` of `cnnzoo train`, and the training on a cluster."""

from __future__ import annotations

import functools
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cnnzoo.cluster.slurm import Request
    from cnnzoo.runs.run import Run

CLUSTERS = ("slurm",)
_NAMES = ("nodes", "workers", "gpus_per_worker", "time", "partition")
_ALL = "training.devices=all"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The options of a job of SLURM; None is the default of an option."""

    nodes: int | None = None
    workers: int | None = None
    gpus_per_worker: int | None = None
    time: float | None = None
    partition: str | None = None

    def start(self, config: str, overrides: Sequence[str], runs_dir: str) -> str:
        """Queue a new run of a configuration; return the lines to print."""
        from cnnzoo.config.loader import load_config
        from cnnzoo.errors import UserError
        from cnnzoo.runs.run import queue_run
        from cnnzoo.training.checks import check_config

        request = self._request()
        loaded = load_config(config, [*overrides, _ALL])
        check_config(loaded)
        run = queue_run(runs_dir, loaded, shlex.join(["cnnzoo", *sys.argv[1:]]))
        try:
            return _submit(run, request)
        except UserError:
            shutil.rmtree(run.path)  # nothing will train it
            raise

    def resume(self, run: Run, overrides: Sequence[str]) -> str:
        """Queue the rest of a run; return the lines to print."""
        from cnnzoo.errors import RunError

        if overrides:
            raise click.UsageError("--resume --cluster takes no settings: edit config.yaml instead")
        if run.config().training.devices != "all":
            raise RunError(
                f"{run} was not started with {_ALL}, so one process must continue it",
                hint=f"omit --cluster: cnnzoo train --resume {run}",
            )
        return _submit(run, self._request())

    def _request(self) -> Request:
        from cnnzoo.cluster.slurm import Request

        if self.time is None:
            raise click.UsageError("--cluster slurm needs a time limit, such as --time 2h")
        nodes = self.nodes or 1
        workers = self.workers or nodes
        if workers < nodes:
            raise click.UsageError(f"{workers} workers cannot use {nodes} nodes")
        return Request(nodes, workers, self.time, self.gpus_per_worker or 0, self.partition)


def _seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    from cnnzoo.config.durations import checked, seconds_of

    try:
        return None if value is None else seconds_of(checked(value))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_OPTIONS = (
    click.option("--cluster", type=click.Choice(CLUSTERS), help="Train on a cluster."),
    click.option("--nodes", type=click.IntRange(1), help="Machines of the job; by default one."),
    click.option(
        "--workers", type=click.IntRange(1), help="Processes; by default one on each machine."
    ),
    click.option("--gpus-per-worker", type=click.IntRange(0), help="GPUs of each process."),
    click.option("--time", metavar="TIME", callback=_seconds, help="Time limit of the job: 2h."),
    click.option("--partition", metavar="NAME", help="Partition of the job."),
)


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--cluster` and its options, which become one argument `cluster`, a Cluster or None."""

    @functools.wraps(command)
    def with_cluster(**values: Any) -> Any:
        given = {name: values.pop(name) for name in _NAMES}
        if values.pop("cluster"):
            return command(**values, cluster=Cluster(**given))
        unused = next((name for name in _NAMES if given[name] is not None), None)
        if unused:
            raise click.UsageError(f"--{unused.replace('_', '-')} needs --cluster slurm")
        return command(**values, cluster=None)

    wrapped: Callable[..., Any] = with_cluster
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _submit(run: Run, request: Request) -> str:
    from cnnzoo.cluster.slurm import LOG, submit

    number, name = submit(run, request), run.path.parent.name
    lines = [f"squeue -j {number}", f"tail -F {run.path / LOG}", f"cnnzoo runs {name}"]
    return "\n  ".join([f"{run} is job {number} of SLURM", *lines])
