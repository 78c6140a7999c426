"""`cnnzoo export`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run_or_model
from cnnzoo.cli.options import force_option, note, runs_dir_option, trust_option


def _batch(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    """`dynamic` → None, `8` → 8."""
    if value == "dynamic":
        return None
    if value.isdecimal() and 0 < int(value) <= 65_536:
        return int(value)
    raise click.BadParameter(f"{value!r} is neither 'dynamic' nor a number from 1 to 65536")


@click.command()
@click.argument(
    "run", required=False, metavar="[RUN|MODEL.keras]", shell_complete=complete_run_or_model
)
@click.option(
    "--format", "form", required=True, metavar="FORMAT", help="onnx, litert, saved_model, openvino."
)
@click.option(
    "--precision",
    default="float32",
    show_default=True,
    metavar="PRECISION",
    help="float32, float16, int8. int8 is calibrated on training images.",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to FILE; by default into the run's exports/, or next to the model.",
)
@click.option(
    "--batch",
    default="dynamic",
    show_default=True,
    metavar="N|dynamic",
    callback=_batch,
    help="The only batch size that the file accepts, or dynamic for any.",
)
@click.option("--opset", type=click.IntRange(min=7), metavar="N", help="ONNX opset version.")
@click.option(
    "--data",
    multiple=True,
    metavar="NAME|KEY=VALUE",
    help="Verify on other data with the same class names: mnist5k, folder=photos; may be "
    "repeated. A model file needs it.",
)
@click.option(
    "--max-loss",
    type=click.FloatRange(0, 1),
    metavar="FRACTION",
    help="Fail if more accuracy is lost, such as 0.01.",
)
@click.option("--no-verify", is_flag=True, help="Do not compare the labels with those of Keras.")
@click.option(
    "--example", is_flag=True, help="Also write a script that needs only the runtime and Pillow."
)
@click.option(
    "--web-runtime",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Also write an HTML page that runs the ONNX model in a browser, offline; DIR is the "
    "folder of the npm package onnxruntime-web.",
)
@trust_option
@force_option
@runs_dir_option
def export(
    run: str | None,
    form: str,
    precision: str,
    output: Path | None,
    batch: int | None,
    opset: int | None,
    data: tuple[str, ...],
    max_loss: float | None,
    no_verify: bool,
    example: bool,
    web_runtime: Path | None,
    trust: Callable[[str], None] | None,
    force: bool,
    runs_dir: str,
) -> None:
    """Export a run or model to ONNX, LiteRT, SavedModel or OpenVINO.

    By default the latest run. The exported file classifies the test split in its runtime. If a
    label differs from Keras', the command fails and keeps nothing; int8 reports how many differ.
    The input of the file is uint8 [batch, height, width, channels], and its metadata name the
    classes and the resizing, so that predict, evaluate, benchmark and compare accept the file as a
    model.

    NAME.json next to the file holds what was measured, and ten test images with their
    probabilities.

    \b
    Examples:
      cnnzoo export --format onnx
      cnnzoo export runs/lenet/1 --format litert --precision int8 --max-loss 0.01
      cnnzoo export model.keras --format onnx --data folder=photos --example
    """
    from cnnzoo.exporting.export import Options
    from cnnzoo.exporting.export import export as export_model
    from cnnzoo.runs.choose import choose_model
    from cnnzoo.terminal.console import console
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.export_text import export_text
    from cnnzoo.terminal.output import refuse_existing

    refuse_existing(output, force)
    done = export_model(
        choose_model(run, runs_dir, note),
        Options(
            form, precision, output, batch, opset, not no_verify, max_loss, example, web_runtime
        ),
        data=data,
        trust=trust,
        display=display_for(console()),
    )
    click.echo(export_text(done.record))
    for path in done.files:
        click.echo(f"written to {path}")
