"""The option `--cluster` of `cnnzoo train`, and the training on a cluster."""

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
    from cnnzoo.training.progress import Display

# The clusters, and the options of each.
CLUSTERS = {
    "slurm": ("nodes", "workers", "gpus_per_worker", "time", "partition"),
    "ray": ("workers", "gpus_per_worker", "address"),
}
_NAMES = ("nodes", "workers", "gpus_per_worker", "time", "partition", "address")
_ALL = "training.devices=all"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster and its options; None is the default of an option."""

    kind: str
    nodes: int | None = None
    workers: int | None = None
    gpus_per_worker: int | None = None
    time: float | None = None
    partition: str | None = None
    address: str | None = None

    @property
    def only_queues(self) -> bool:
        """True if a run is trained later, by a job."""
        return self.kind == "slurm"

    def start(self, config: str, overrides: Sequence[str], runs_dir: str, display: Display) -> Run:
        """Train a configuration in a new run, or queue it, and return the run."""
        from cnnzoo.config.loader import load_config
        from cnnzoo.errors import UserError
        from cnnzoo.runs.run import QUEUED, queue_run
        from cnnzoo.training.checks import check_config

        train = self._trainer(display)
        loaded = load_config(config, [*overrides, _ALL])
        check_config(loaded)
        run = queue_run(runs_dir, loaded, shlex.join(_command()))
        try:
            train(run)
        except UserError:
            if run.record().get("status") == QUEUED:
                shutil.rmtree(run.path)  # nothing will train it
            raise
        return run

    def resume(self, run: Run, overrides: Sequence[str], display: Display) -> Run:
        """Train the rest of a run, or queue it, and return the run."""
        from cnnzoo.errors import RunError

        if overrides:
            raise click.UsageError("--resume --cluster takes no settings: edit config.yaml instead")
        if run.config().training.devices != "all":
            raise RunError(
                f"{run} was not started with {_ALL}, so one process must continue it",
                hint=f"omit --cluster: cnnzoo train --resume {run}",
            )
        train = self._trainer(display)
        if self.only_queues or not run.awaits_measurement():
            train(run)
        return run

    def _trainer(self, display: Display) -> Callable[[Run], Any]:
        """Return the function that trains or queues a run; raise UsageError for wrong options."""
        if self.kind == "slurm":
            request = self._request()
            return lambda run: _submit(run, request)
        if self.workers is None:
            raise click.UsageError("--cluster ray needs the number of --workers")
        workers = self.workers

        def train(run: Run) -> None:
            from cnnzoo.cluster.ray_connection import Workers
            from cnnzoo.cluster.ray_train import train_on_ray

            on = Workers(workers, self.address, self.gpus_per_worker)
            train_on_ray(run, on, display=display, command=_command())

        return train

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
    click.option("--cluster", type=click.Choice(list(CLUSTERS)), help="Train on a cluster."),
    click.option("--nodes", type=click.IntRange(1), help="Machines of the job; by default one."),
    click.option(
        "--workers", type=click.IntRange(1), help="Processes; on SLURM by default one on each node."
    ),
    click.option("--gpus-per-worker", type=click.IntRange(0), help="GPUs of each process."),
    click.option("--time", metavar="TIME", callback=_seconds, help="Time limit of the job: 2h."),
    click.option("--partition", metavar="NAME", help="Partition of the job."),
    click.option(
        "--address",
        metavar="HOST:PORT",
        help="Ray cluster, or auto for the one on this machine; by default a new one is started.",
    ),
)


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--cluster` and its options, which become one argument `cluster`, a Cluster or None."""

    @functools.wraps(command)
    def with_cluster(**values: Any) -> Any:
        given = {name: values.pop(name) for name in _NAMES}
        kind = values.pop("cluster")
        for name in _NAMES:
            if given[name] is not None and name not in CLUSTERS.get(kind, ()):
                kinds = [each for each, names in CLUSTERS.items() if name in names]
                raise click.UsageError(
                    f"--{name.replace('_', '-')} needs --cluster {' or '.join(kinds)}"
                )
        return command(**values, cluster=Cluster(kind, **given) if kind else None)

    wrapped: Callable[..., Any] = with_cluster
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _command() -> list[str]:
    return ["cnnzoo", *sys.argv[1:]]


def _submit(run: Run, request: Request) -> None:
    from cnnzoo.cluster.slurm import LOG, submit

    number, name = submit(run, request), run.path.parent.name
    lines = [f"squeue -j {number}", f"tail -F {run.path / LOG}", f"cnnzoo runs {name}"]
    click.echo("\n  ".join([f"{run} is job {number} of SLURM", *lines]))
