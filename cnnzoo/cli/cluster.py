"""The option `--cluster` of commands, and the training of a run on a cluster."""

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
    from cnnzoo.cluster.ray_connection import Workers
    from cnnzoo.cluster.slurm import Request
    from cnnzoo.runs.run import Run
    from cnnzoo.training.progress import Display

# The clusters, and the options of each.
CLUSTERS = {
    "slurm": ("nodes", "workers", "gpus_per_worker", "time", "partition"),
    "ray": ("workers", "gpus_per_worker", "address", "storage_path"),
}
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
    storage_path: str | None = None

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
        workers = self.ray_workers()

        def train(run: Run) -> None:
            from cnnzoo.cluster.ray_train import train_on_ray

            train_on_ray(run, workers, display=display, command=_command())

        return train

    def ray_workers(self) -> Workers:
        """Return the workers of a Ray cluster; raise UsageError without their number."""
        from cnnzoo.cluster.ray_connection import Workers

        if self.workers is None:
            raise click.UsageError("--cluster ray needs the number of --workers")
        return Workers(self.workers, self.address, self.gpus_per_worker, self.storage_path)

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


_OPTIONS: dict[str, dict[str, Any]] = {
    "nodes": {
        "type": click.IntRange(1),
        "help": "Machines of the job, by default one, with one process each without --workers.",
    },
    "workers": {"type": click.IntRange(1), "help": "Number of processes."},
    "gpus_per_worker": {"type": click.IntRange(0), "help": "GPUs of each process."},
    "time": {"metavar": "TIME", "callback": _seconds, "help": "Time limit of the job: 2h."},
    "partition": {"metavar": "NAME", "help": "Partition of the job."},
    "address": {
        "metavar": "HOST:PORT",
        "help": "Ray cluster, or auto for the one on this machine; by default a new one starts.",
    },
    "storage_path": {
        "metavar": "URL",
        "help": "Storage of Ray instead of a shared disk: s3://BUCKET/DIR, or what fsspec opens.",
    },
}


def cluster_options(
    *kinds: str, without: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds `--cluster` for these kinds of cluster, and their options.

    The command gets one argument `cluster`, a Cluster or None.
    """
    able = {kind: [name for name in CLUSTERS[kind] if name not in without] for kind in kinds}
    names = [name for name in _OPTIONS if any(name in options for options in able.values())]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_cluster(**values: Any) -> Any:
            given = {name: values.pop(name) for name in names}
            kind = values.pop("cluster")
            for name in names:
                if given[name] is not None and name not in able.get(kind, ()):
                    others = [each for each in kinds if name in able[each]]
                    raise click.UsageError(f"{_flag(name)} needs --cluster {' or '.join(others)}")
            return command(**values, cluster=Cluster(kind, **given) if kind else None)

        wrapped: Callable[..., Any] = with_cluster
        for name in reversed(names):
            wrapped = click.option(_flag(name), **_OPTIONS[name])(wrapped)
        return click.option("--cluster", type=click.Choice(kinds), help="Train on a cluster.")(
            wrapped
        )

    return decorate


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _command() -> list[str]:
    return ["cnnzoo", *sys.argv[1:]]


def _submit(run: Run, request: Request) -> None:
    from cnnzoo.cluster.slurm import LOG, submit

    number, name = submit(run, request), run.path.parent.name
    lines = [f"squeue -j {number}", f"tail -F {run.path / LOG}", f"cnnzoo runs {name}"]
    click.echo("\n  ".join([f"{run} is job {number} of SLURM", *lines]))
