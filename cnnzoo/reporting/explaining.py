"""Explanations → files: a figure of each image, its feature maps, filters, responses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnnzoo.datasets.dataset import Dataset
from cnnzoo.datasets.images.decode import UnreadableError, decode_file
from cnnzoo.errors import DataError, RunError, UserError, did_you_mean
from cnnzoo.evaluation.classifier import Classifier
from cnnzoo.evaluation.explain.explain import explainer, first_filters
from cnnzoo.evaluation.explain.parts import ModelParts
from cnnzoo.evaluation.explain.responses import strongest_responses
from cnnzoo.evaluation.paths import Found
from cnnzoo.evaluation.predict import Prediction
from cnnzoo.reporting.explanations import (
    explanation_figure,
    feature_maps_figure,
    filters_figure,
    responses_figure,
)
from cnnzoo.reporting.saving import save_figure
from cnnzoo.text import listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILTERS, RESPONSES = "filters", "responses"


@dataclass(frozen=True, slots=True)
class Explained:
    """The prediction for a file, or the reason why it cannot be read, and its figures."""

    prediction: Prediction
    figures: tuple[Path, ...] = ()


def label_of(classifier: Classifier, class_name: str) -> int:
    """Return the label of a class by its name; raise UserError if the model does not know it."""
    names = classifier.class_names
    if class_name not in names:
        raise UserError(
            f"the model has no class {class_name!r}{did_you_mean(class_name, names)}",
            hint=f"it knows {listed(names, 20)}",
        )
    return names.index(class_name)


def explain_files(
    classifier: Classifier,
    parts: ModelParts,
    files: Iterable[Found],
    folder: Path,
    *,
    label: int | None = None,
    steps: int,
) -> Iterator[Explained]:
    """Explain image files one by one, with two figures each: `NAME.png` and `NAME-maps.png`."""
    explain = explainer(classifier, steps=steps, parts=parts)
    used = {FILTERS, RESPONSES}
    for path, problem in files:
        try:
            if problem:
                raise UnreadableError(problem)
            image = decode_file(path, classifier.fit)
        except UnreadableError as error:
            yield Explained(Prediction(path, error=str(error)))
            continue
        explanation = explain(image, label)
        names = classifier.class_names
        name = _unused(Path(path).stem, used)
        figures = (
            _write(explanation_figure(Path(path).name, image, explanation, names), folder, name),
            _write(feature_maps_figure(explanation.stages), folder, f"{name}-maps"),
        )
        probabilities = explanation.probabilities.tolist()
        prediction = Prediction(path, dict(zip(names, probabilities, strict=True)))
        yield Explained(prediction, figures)


def write_filters(classifier: Classifier, folder: Path) -> Path:
    """Draw the filters of the first convolution: `filters.png`."""
    return _write(filters_figure(first_filters(classifier.model)), folder, FILTERS)


def write_responses(
    classifier: Classifier,
    parts: ModelParts,
    dataset: Dataset,
    split: str,
    folder: Path,
    limit: int,
) -> tuple[Path, int]:
    """Draw the strongest responses of the filters of each stage: `responses.png`.

    At most `limit` examples of a split are searched. Returns the path and their number. Raises
    DataError if the split is empty.
    """
    examples = dataset.splits[split]
    if not len(examples):
        raise DataError(
            f"the {split} split of {dataset.name} is empty",
            hint="choose another with --split, or omit the search: --no-responses",
        )
    found = strongest_responses(classifier, examples, limit=limit, parts=parts)
    path = _write(responses_figure(found, examples.images), folder, RESPONSES)
    return path, min(limit, len(examples))


def _write(figure: Figure, folder: Path, name: str) -> Path:
    path = folder / f"{name}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{folder} cannot be written: {error.strerror}",
            hint="name another directory with --output",
        ) from error
    save_figure(figure, path)
    return path


def _unused(stem: str, used: set[str]) -> str:
    """Return the stem of a file, with a number if another figure has that name."""
    number, name = 1, stem
    while used & {name, f"{name}-maps"}:
        number += 1
        name = f"{stem}-{number}"
    used |= {name, f"{name}-maps"}
    return name
