"""`cnnzoo evaluate`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run_or_model
from cnnzoo.cli.options import (
    device_option,
    force_option,
    format_option,
    note,
    runs_dir_option,
    trust_option,
)


@click.command()
@click.argument("run", required=False, metavar="[RUN|MODEL]", shell_complete=complete_run_or_model)
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train", "all"]),
    help="Split to measure on; by default test, or all of other data without a test split.",
)
@click.option(
    "--data",
    multiple=True,
    metavar="NAME|KEY=VALUE",
    help="Other data with the same class names: mnist5k, photos, csv=table.csv; may be repeated.",
)
@click.option(
    "--calibrate",
    is_flag=True,
    help="Fit a temperature on the validation split and print its effect.",
)
@click.option(
    "--flip",
    is_flag=True,
    help="Average the probabilities of each image with those of its mirror image.",
)
@format_option("table", "json", help="How to print the figures.")
@click.option(
    "--parquet",
    is_flag=True,
    help="Also write the predictions as Parquet; needs pyarrow.",
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory for metrics.json and predictions.csv, instead of the run.",
)
@force_option
@runs_dir_option
@device_option
@trust_option
def evaluate(
    run: str | None,
    split: str | None,
    data: tuple[str, ...],
    calibrate: bool,
    flip: bool,
    form: str,
    parquet: bool,
    output: Path | None,
    force: bool,
    runs_dir: str,
    device: str,
    trust: Callable[[str], None] | None,
) -> None:
    """Measure a run or model, with 95 % intervals.

    RUN is a run directory or the name of a run; by default the latest run. With two classes the
    second is the positive one, and a threshold is tuned on the validation split.

    The results are written into the run, for other data and with --flip under a separate name.
    Results of a model file or of a trained network of the zoo are written only with --output.

    \b
    Examples:
      cnnzoo evaluate
      cnnzoo evaluate runs/lenet/1 --split validation
      cnnzoo evaluate runs/faces/2 --data photos
      cnnzoo evaluate model.keras --data mnist5k --output measured
      cnnzoo evaluate lenet_mnist --data mnist5k
      cnnzoo evaluate runs/lenet/1/exports/lenet.onnx --data mnist5k
    """
    import json

    from cnnzoo.evaluation.evaluate import measure
    from cnnzoo.evaluation.predictions import require_parquet
    from cnnzoo.runs.choose import choose_model
    from cnnzoo.terminal.console import Console, console, print_parts
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.metrics_tables import (
        binary_text,
        headline,
        metrics_tables,
        temperature_text,
    )
    from cnnzoo.terminal.output import print_data, refuse_existing

    if parquet:
        require_parquet()
    if output is not None:
        for name in ("metrics.json", "predictions.csv"):
            refuse_existing(output / name, force)
    quiet = form == "json"
    evaluation = measure(
        choose_model(run, runs_dir, note),
        split,
        data=data,
        calibrate=calibrate,
        flip=flip,
        output=output,
        parquet=parquet,
        device=device,
        trust=trust,
        display=display_for(Console(stderr=True) if quiet else console()),
    )
    measured = evaluation.measured
    if quiet:
        print_data(json.dumps(measured, indent=2, ensure_ascii=False) + "\n")
        return
    for table in metrics_tables(measured):
        print_parts(table)
    if "binary" in measured:
        click.echo(binary_text(measured["binary"]))
    if "temperature" in measured:
        click.echo(temperature_text(measured["temperature"]))
    click.echo(headline(measured))
    for path in evaluation.files:
        click.echo(f"written to {path}")
    if not evaluation.files:
        click.echo("not saved: name a directory with --output to keep the results")
