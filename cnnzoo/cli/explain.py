"""`cnnzoo explain`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run_or_model
from cnnzoo.cli.options import device_option


@click.command()
@click.argument("run", metavar="RUN|MODEL.keras", shell_complete=complete_run_or_model)
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path())
@click.option(
    "--class", "class_name", metavar="NAME", help="Explain this class, not the predicted."
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write the figures; by default explanations/ in the run, or beside the model.",
)
@click.option(
    "--responses/--no-responses",
    default=True,
    show_default=True,
    help="Search the data for what the filters respond to most strongly.",
)
@click.option(
    "--data",
    multiple=True,
    metavar="NAME|KEY=VALUE",
    help="Search other data than the run's, or any for a model: mnist5k, folder=photos; may be "
    "repeated.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="validation",
    show_default=True,
    help="Which part of the data to search.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    metavar="N",
    help="How many examples to search, at equal distances.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    metavar="N",
    help="Of the integrated gradients: more are nearer to the integral, and slower.",
)
@device_option
def explain(
    run: str,
    images: tuple[str, ...],
    class_name: str | None,
    output: Path | None,
    responses: bool,
    data: tuple[str, ...],
    split: str,
    limit: int,
    steps: int,
    device: str,
) -> None:
    """Show what a network sees in pictures, and why it says what it says.

    For each picture its prediction, a figure NAME.png with the probabilities, Grad-CAM and
    integrated gradients, and NAME-maps.png with the feature maps of each stage. Of the network,
    filters.png has the filters of the first layer, and responses.png what the filters of each
    stage respond to most strongly in the data. Figures of the same name are replaced.

    IMAGE is a file, a folder (all images below it), a quoted pattern, or - for a list on standard
    input. What cannot be read is named on its line; the rest goes on, and the exit code is 1.

    \b
    Examples:
      cnnzoo explain runs/lenet/1 digit.png
      cnnzoo explain runs/faces/2 photos/*.jpg --class happy --output seen
      cnnzoo explain model.keras photo.jpg --data folder=photos --split train
    """
    from cnnzoo.errors import CnnzooError, DataError
    from cnnzoo.evaluation.classifier import open_classifier, run_or_file
    from cnnzoo.evaluation.explain.anatomy import dissect
    from cnnzoo.evaluation.paths import find_files
    from cnnzoo.evaluation.sources import choose_data
    from cnnzoo.extras import require
    from cnnzoo.reporting.explaining import (
        explain_files,
        label_of,
        write_filters,
        write_responses,
    )
    from cnnzoo.runs.run import Run
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.prediction_lines import as_table
    from cnnzoo.terminal.tables import console

    require("matplotlib", "report")
    files = find_files(images, sys.stdin.buffer)
    opened = run_or_file(Path(run))
    trained = opened if isinstance(opened, Run) else None
    classifier = open_classifier(opened, device=device)
    label = None if class_name is None else label_of(classifier, class_name)
    anatomy = dissect(classifier.model)
    folder = output or (opened.path if isinstance(opened, Run) else opened.parent) / "explanations"
    _, line = as_table(classifier.class_names, min(3, len(classifier.class_names)))
    total = failed = 0
    for explained in explain_files(classifier, anatomy, files, folder, label=label, steps=steps):
        click.echo(line(explained.prediction))
        if explained.figures:
            click.echo(f"written to {' and '.join(map(str, explained.figures))}")
        total += 1
        failed += explained.prediction.error is not None
    click.echo(f"written to {write_filters(classifier, folder)}")
    if responses and (trained or data):
        chosen = choose_data(trained, classifier, data, display_for(console()))
        examples = chosen.dataset.splits[split]
        if not len(examples):
            raise DataError(
                f"the {split} split of {chosen.dataset.name} is empty",
                hint="choose another with --split, or leave the search out: --no-responses",
            )
        path = write_responses(classifier, anatomy, examples, folder, limit)
        click.echo(f"written to {path}: of {min(limit, len(examples)):,} {split} examples")
    elif responses:
        click.echo("note: a model names no data to search; --data does", err=True)
    if failed:
        raise CnnzooError(f"{failed:,} of {total:,} files could not be read")
