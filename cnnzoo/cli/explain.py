"""`cnnzoo explain`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run_or_model
from cnnzoo.cli.options import device_option, force_option, note, runs_dir_option, trust_option


@click.command()
@click.argument(
    "words",
    nargs=-1,
    required=True,
    metavar="[RUN|MODEL.keras] IMAGE...",
    shell_complete=complete_run_or_model,
)
@click.option(
    "--class", "class_name", metavar="NAME", help="Class to explain; by default the predicted one."
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory for the figures; by default explanations/ in the run or next to the model.",
)
@force_option
@click.option(
    "--responses/--no-responses",
    default=True,
    show_default=True,
    help="Search the data for the images that filters respond to most strongly.",
)
@click.option(
    "--data",
    multiple=True,
    metavar="NAME|KEY=VALUE",
    help="Data to search instead of the run's: mnist5k, photos, csv=table.csv; may be repeated.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="validation",
    show_default=True,
    help="Split to search.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    metavar="N",
    help="Number of examples to search, evenly spaced.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    metavar="N",
    help="Integration steps of integrated gradients; more is more accurate and slower.",
)
@runs_dir_option
@device_option
@trust_option
def explain(
    words: tuple[str, ...],
    class_name: str | None,
    output: Path | None,
    force: bool,
    responses: bool,
    data: tuple[str, ...],
    split: str,
    limit: int,
    steps: int,
    runs_dir: str,
    device: str,
    trust: Callable[[str], None] | None,
) -> None:
    """Explain predictions: Grad-CAM, gradients, feature maps.

    RUN is a run directory or the name of a run; by default the latest run. IMAGE is a file, a
    folder (all images below it), a quoted pattern, or - for a list on standard input. An unreadable
    file is named on its line, the others are explained, and the exit code is 1.

    Each image gets NAME.png with the probabilities, Grad-CAM and integrated gradients, and
    NAME-maps.png with the feature maps of each stage. filters.png shows the filters of the first
    layer, and responses.png the images of the data that the filters of each stage respond to most
    strongly.

    \b
    Examples:
      cnnzoo explain digit.png
      cnnzoo explain runs/faces/2 photos/*.jpg --class happy --output explained
      cnnzoo explain model.keras photo.jpg --data photos --split train
    """
    from cnnzoo.errors import CnnzooError, UserError
    from cnnzoo.evaluation.classifier import open_classifier
    from cnnzoo.evaluation.explain.parts import find_parts
    from cnnzoo.evaluation.paths import find_files
    from cnnzoo.evaluation.sources import choose_data
    from cnnzoo.extras import require
    from cnnzoo.reporting.explaining import (
        explain_files,
        label_of,
        write_filters,
        write_responses,
    )
    from cnnzoo.runs.choose import choose_model, split_model
    from cnnzoo.runs.run import Run
    from cnnzoo.runs.trained import is_trained, results_folder
    from cnnzoo.terminal.console import console
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.prediction_lines import as_table

    require("matplotlib", "report")
    named, images = split_model(words, runs_dir)
    if not images:
        raise click.UsageError(f"no image is named: cnnzoo explain {named} IMAGE...")
    opened = choose_model(named, runs_dir, note)
    files = find_files(images, sys.stdin.buffer, note)
    if named is None:
        note(f"explaining the latest run, {opened}")
    run = opened if isinstance(opened, Run) else None
    if output is not None and output.exists() and any(output.iterdir()) and not force:
        raise UserError(
            f"{output} already has files",
            hint="name another directory, or overwrite figures of the same name with --force",
        )
    classifier = open_classifier(opened, device=device, trust=trust)
    for text in classifier.notes:
        note(text)
    label = None if class_name is None else label_of(classifier, class_name)
    parts = find_parts(classifier.model)
    folder = output or results_folder(opened) / "explanations"
    _, line = as_table(classifier.class_names, min(3, len(classifier.class_names)))
    total = failed = 0
    for explained in explain_files(classifier, parts, files, folder, label=label, steps=steps):
        click.echo(line(explained.prediction))
        if explained.figures:
            click.echo(f"written to {' and '.join(map(str, explained.figures))}")
        total += 1
        failed += explained.prediction.error is not None
    click.echo(f"written to {write_filters(classifier, folder)}")
    if responses and (data or (run and not is_trained(run))):
        dataset = choose_data(run, classifier, data, display_for(console())).dataset
        path, count = write_responses(classifier, parts, dataset, split, folder, limit)
        click.echo(f"written to {path}: from {count:,} {split} examples")
    elif responses:
        note("no data to search for responses: name some with --data")
    if failed:
        raise CnnzooError(f"{failed:,} of {total:,} files could not be read")
