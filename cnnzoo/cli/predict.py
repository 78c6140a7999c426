"""`cnnzoo predict`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run_or_model
from cnnzoo.cli.options import (
    device_option,
    force_option,
    format_option,
    note,
    output_option,
    runs_dir_option,
    trust_option,
)


@click.command()
@click.argument(
    "words",
    nargs=-1,
    required=True,
    metavar="[RUN|MODEL] PATH...",
    shell_complete=complete_run_or_model,
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="K",
    help="Number of classes to name, the most probable first.",
)
@click.option(
    "--invert", is_flag=True, help="Predict the negatives of the images: dark becomes light."
)
@format_option("table", "csv", "jsonl", help="How to print the predictions; jsonl is JSON lines.")
@output_option
@force_option
@runs_dir_option
@device_option
@trust_option
def predict(
    words: tuple[str, ...],
    top: int,
    invert: bool,
    form: str,
    output: Path | None,
    force: bool,
    runs_dir: str,
    device: str,
    trust: Callable[[str], None] | None,
) -> None:
    """Predict the classes of images.

    RUN is a run directory or the name of a run; by default the latest run. MODEL is a model file
    or a trained network of the zoo, such as lenet_mnist. PATH is a file, a folder (all images below
    it), a quoted pattern, or - for a list of files on standard input, one per line or
    NUL-terminated. An unreadable file is named on its line, the others are predicted, and the exit
    code is 1. A line names images that look inverted compared with the training images, such as a
    dark digit on white paper; --invert inverts all of them.

    \b
    Examples:
      cnnzoo predict photos
      cnnzoo predict lenet_mnist digit.png
      cnnzoo predict runs/lenet/1 'photos/**/*.jpg' --top 1 --format csv --output predicted.csv
      find photos -name '*.jpg' | cnnzoo predict model.keras -
    """
    from cnnzoo.errors import CnnzooError
    from cnnzoo.evaluation.classifier import expected_text, open_classifier
    from cnnzoo.evaluation.paths import find_files
    from cnnzoo.evaluation.predict import predict_files
    from cnnzoo.runs.choose import choose_model, split_model
    from cnnzoo.runs.trained import is_trained
    from cnnzoo.terminal.output import open_output, refuse_existing
    from cnnzoo.terminal.prediction_lines import FORMATS
    from cnnzoo.text import listed

    refuse_existing(output, force)
    named, paths = split_model(words, runs_dir)
    if not paths:
        raise click.UsageError(f"no image is named: cnnzoo predict {named} PATH...")
    chosen = choose_model(named, runs_dir, note)
    files = find_files(paths, sys.stdin.buffer, note)
    if named is None:
        note(f"predicting with the latest run, {chosen}")
    classifier = open_classifier(chosen, device=device, trust=trust)
    for text in classifier.notes:
        note(text)
    if is_trained(chosen):
        note(f"it expects {expected_text(classifier)}")
    names = classifier.class_names
    heading, line = FORMATS[form](names, min(top, len(names)))
    total = failed = 0
    inverted = []
    with open_output(output) as stream:
        if heading is not None:
            click.echo(heading, stream)
        for prediction in predict_files(classifier, files, invert=invert):
            click.echo(line(prediction), stream)
            total += 1
            failed += prediction.error is not None
            if prediction.inverted:
                inverted.append(prediction.path)
    if output is not None:
        click.echo(f"written to {output}")
    if inverted:
        note(
            f"{len(inverted):,} of {total:,} images look inverted compared with the training "
            f"images: {listed(inverted, 3)}; {'omit' if invert else 'try'} --invert"
        )
    if failed:
        raise CnnzooError(f"{failed:,} of {total:,} files could not be read")
