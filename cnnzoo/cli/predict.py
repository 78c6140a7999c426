"""`cnnzoo predict`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run_or_model
from cnnzoo.cli.options import device_option, format_option, output_option


@click.command()
@click.argument("run", metavar="RUN|MODEL.keras", shell_complete=complete_run_or_model)
@click.argument("paths", nargs=-1, required=True, metavar="PATHS...", type=click.Path())
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="K",
    help="How many classes to name, the most probable first.",
)
@format_option(
    "table", "csv", "jsonl", help="How to print the predictions; jsonl is one JSON object a line."
)
@output_option
@device_option
def predict(
    run: str, paths: tuple[str, ...], top: int, form: str, output: Path | None, device: str
) -> None:
    """Predict the classes of pictures.

    PATHS are files, folders (all images below them), quoted patterns, or - for a list of files on
    standard input, one a line or ended by a NUL. A file that cannot be read is named on its line;
    the rest goes on, and the exit code is 1.

    \b
    Examples:
      cnnzoo predict runs/lenet/1 photos
      cnnzoo predict runs/lenet/1 'photos/**/*.jpg' --top 1 --format csv --output predicted.csv
      find photos -name '*.jpg' | cnnzoo predict model.keras -
    """
    from cnnzoo.errors import CnnzooError
    from cnnzoo.evaluation.classifier import open_classifier
    from cnnzoo.evaluation.paths import find_files
    from cnnzoo.evaluation.predict import predict_files
    from cnnzoo.terminal.output import open_output, refuse_existing
    from cnnzoo.terminal.prediction_lines import FORMATS

    if output is not None:
        refuse_existing(output)
    files = find_files(paths, sys.stdin.buffer)
    classifier = open_classifier(run, device=device)
    if not classifier.named:
        click.echo(f"note: {run} does not name its classes; they are called 0, 1, …", err=True)
    names = classifier.class_names
    heading, line = FORMATS[form](names, min(top, len(names)))
    total = failed = 0
    with open_output(output) as stream:
        if heading is not None:
            click.echo(heading, stream)
        for prediction in predict_files(classifier, files):
            click.echo(line(prediction), stream)
            total += 1
            failed += prediction.error is not None
    if output is not None:
        click.echo(f"written to {output}")
    if failed:
        raise CnnzooError(f"{failed:,} of {total:,} files could not be read")
