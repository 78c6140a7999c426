"""`cnnzoo benchmark`: how fast a configuration trains, or a model predicts, on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from cnnzoo.cli.completion import complete_config
from cnnzoo.cli.options import device_option, format_option, trust_option

if TYPE_CHECKING:
    from rich.table import Table

    from cnnzoo.training.benchmark import BenchmarkResult, Times


@click.command()
@click.argument("config", metavar="CONFIG|RUN|MODEL", shell_complete=complete_config)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--steps",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Steps per round; by default about a second of them.",
)
@format_option("table", "json", help="How to print the figures.")
@device_option
@trust_option
def benchmark(
    config: str,
    overrides: tuple[str, ...],
    steps: int | None,
    form: str,
    device: str,
    trust: Callable[[str], None] | None,
) -> None:
    """Measure the speed of training, or of a model's predictions.

    A run directory, or a model file (.keras, or an exported .onnx, .tflite, .xml or SavedModel),
    predicts random images: prints the latency of one image and the images per second of batches.

    A configuration trains some steps on its data, and the result is discarded: prints images per
    second, the share of a step that waits for data, and the share of the hardware's peak in a
    large matrix product.

    \b
    Examples:
      cnnzoo benchmark lenet
      cnnzoo benchmark my.yaml training.batch_size=256 training.precision=mixed_bfloat16
      cnnzoo benchmark my.yaml --format json
      cnnzoo benchmark runs/lenet/1/exports/lenet.onnx
    """
    import json

    from cnnzoo.config.loader import load_config
    from cnnzoo.runs.choose import names_model
    from cnnzoo.terminal.console import console, print_parts
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.output import print_data
    from cnnzoo.training.benchmark import measure
    from cnnzoo.training.progress import Display

    if names_model(config):
        if overrides or steps is not None:
            raise click.UsageError(f"{config} is a model: omit KEY=VALUE and --steps")
        _benchmark_model(config, form, device, trust)
        return
    loaded = load_config(config, overrides)
    display = display_for(console()) if form == "table" else Display()
    measured = measure(loaded, steps, device=device, display=display)
    if form == "json":
        print_data(json.dumps(measured.record(), indent=2) + "\n")
        return
    print_parts(_table(measured))
    click.echo(_figures(measured))


def _benchmark_model(
    model: str, form: str, device: str, trust: Callable[[str], None] | None
) -> None:
    import json

    from cnnzoo.evaluation.speed import benchmark_model
    from cnnzoo.terminal.output import print_data

    speed = benchmark_model(model, device=device, trust=trust)
    if form == "json":
        print_data(json.dumps(speed, indent=2) + "\n")
        return
    low, high = 1000 * speed["latency_low"], 1000 * speed["latency_high"]
    click.echo(f"one image: {1000 * speed['latency']:.3g} ms (rounds: {low:.3g} to {high:.3g} ms)")
    click.echo(f"batches of {speed['batch_size']}: {speed['images_per_second']:,.0f} images/s")


def _table(measured: BenchmarkResult) -> Table:
    from cnnzoo.terminal.console import new_table

    table = new_table()
    table.add_column("a training step")
    table.add_column("median, ms", justify="right")
    table.add_column("lowest to highest", justify="right")
    for name, times in (
        ("the whole step", measured.step),
        ("computing, on a batch in memory", measured.compute),
        ("gathering a batch", measured.data),
    ):
        table.add_row(name, f"{1000 * times.median:.3g}", _range(times))
    return table


def _range(times: Times) -> str:
    return f"{1000 * times.low:.3g} to {1000 * times.high:.3g}"


def _figures(measured: BenchmarkResult) -> str:
    """Return the figures that follow from the table, and how they were measured."""
    settings, speed = measured.settings, measured.flops / measured.step.median
    memory = f"{measured.memory / 1e9:.2f} GB" if measured.memory else "unknown"
    return "\n".join(
        [
            f"{measured.images_per_second:,.0f} images/s; {measured.waiting:.0%} of a step waits "
            "for data",
            f"{speed / 1e9:,.3g} GFLOP/s, {measured.share_of_peak:.1%} of the "
            f"{measured.peak / 1e9:,.3g} GFLOP/s of a large matrix product; 6 FLOP for each "
            "multiply-accumulate of the network",
            f"peak memory: {memory}",
            f"{measured.name} on {measured.backend}, {measured.device.upper()}: batch size "
            f"{settings.batch_size}, {settings.precision}, {settings.steps_per_execution} steps "
            f"per execution; {measured.rounds} rounds of {measured.steps} steps",
        ]
    )
