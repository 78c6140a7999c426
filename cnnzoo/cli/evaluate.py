"""`cnnzoo evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run_or_model
from cnnzoo.cli.options import device_option, format_option, runs_dir_option


@click.command()
@click.argument(
    "run", required=False, metavar="[RUN|MODEL.keras]", shell_complete=complete_run_or_model
)
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train", "all"]),
    help="Which examples to measure on; by default test, or all of other data that have none.",
)
@click.option(
    "--data",
    multiple=True,
    metavar="NAME|KEY=VALUE",
    help="Measure on other data with the same class names: mnist5k, folder=photos; may be "
    "repeated.",
)
@click.option(
    "--calibrate",
    is_flag=True,
    help="Fit a temperature on the validation split, and say what it changes.",
)
@format_option(
    "csv",
    "parquet",
    help="How to write the predictions; parquet is written beside the CSV, and needs pyarrow.",
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write metrics.json and predictions.csv into this directory, and leave the run alone.",
)
@runs_dir_option
@device_option
def evaluate(
    run: str | None,
    split: str | None,
    data: tuple[str, ...],
    calibrate: bool,
    form: str,
    output: Path | None,
    runs_dir: str,
    device: str,
) -> None:
    """Measure a run, by default the latest one, or a model.

    Figures come with their 95 % intervals. Of two classes the second is the positive one, and a
    threshold is tuned on the validation split.

    What is measured is written into the run, under its own name for other data than the run's; of a
    model alone it is written only where --output says.

    \b
    Examples:
      cnnzoo evaluate
      cnnzoo evaluate runs/lenet/1 --split validation
      cnnzoo evaluate runs/faces/2 --data folder=photos
      cnnzoo evaluate model.keras --data mnist5k --output measured
    """
    from cnnzoo.evaluation.evaluate import measure
    from cnnzoo.evaluation.predictions import require_parquet
    from cnnzoo.runs.run import latest_run
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.metrics_tables import binary_text, metrics_tables, temperature_text
    from cnnzoo.terminal.tables import console, headline

    if form == "parquet":
        require_parquet()
    evaluation = measure(
        run or latest_run(runs_dir),
        split,
        data=data,
        calibrate=calibrate,
        output=output,
        parquet=form == "parquet",
        device=device,
        display=display_for(console()),
    )
    measured = evaluation.measured
    for table in metrics_tables(measured):
        console().print(table)
    if "binary" in measured:
        click.echo(binary_text(measured["binary"]))
    if "temperature" in measured:
        click.echo(temperature_text(measured["temperature"]))
    click.echo(headline(measured))
    for path in evaluation.files:
        click.echo(f"written to {path}")
    if not evaluation.files:
        click.echo("written nowhere: name a directory with --output to keep it")
