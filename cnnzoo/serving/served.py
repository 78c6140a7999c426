"""Models that are served: loaded, described, and with their inference thread."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo.errors import CnnzooError, RunError, UserError
from cnnzoo.evaluation.classifier import Classifier, open_classifier, predict_probabilities
from cnnzoo.evaluation.explain.explain import MapExplanation, map_explainer
from cnnzoo.exporting.record import file_digest, record_path
from cnnzoo.models.objects import first_line
from cnnzoo.models.runtimes.model import ExportedModel
from cnnzoo.models.saved import Trust
from cnnzoo.reporting.caveats import caveats
from cnnzoo.runs.run import Run
from cnnzoo.text import printable

# The suffix of a model file → the name of its format.
_FORMATS = {".keras": "keras", ".onnx": "onnx", ".tflite": "litert", ".xml": "openvino"}

Explain = Callable[[Any, int | None], MapExplanation]


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory.

    `identity` is the SHA-256 of its file. `explain` is None for a model that cannot be explained;
    then `why_not` is the reason.
    """

    source: Run | Path
    identity: str
    classifier: Classifier
    explain: Explain | None
    why_not: str = ""
    accuracy: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    texts: tuple[str, ...] = field(default=())  # names and descriptions, for the caveats

    def described(self, name: str) -> dict[str, Any]:
        """Return the entry of `GET /models`."""
        height, width, channels = self.classifier.fit.shape
        model, names = self.classifier.model, self.classifier.class_names
        is_exported = isinstance(model, ExportedModel)
        return {
            "name": name,
            "identity": self.identity,
            "kind": "run" if isinstance(self.source, Run) else "file",
            "format": _FORMATS.get(_path(self.source).suffix, "saved_model"),
            "classes": list(names),
            "input": {"height": height, "width": width, "channels": channels},
            "parameters": None if is_exported else int(model.count_params()),
            "accuracy": self.accuracy,
            "notes": list(self.notes),
            "caveats": [f"{each.title}: {each.text}" for each in caveats(self.texts, names)],
            "explains": self.explain is not None,
        }


def load(source: Run | Path, *, device: str = "auto", trust: Trust | None = None) -> LoadedModel:
    """Load the best model of a run, or a model file, and try it on a black image.

    Raises the errors of `open_classifier`, and RunError for a model that fails.
    """
    identity, before = identity_of(source), ""
    while identity != before:  # a training may replace the file while it is loaded
        before = identity
        classifier = open_classifier(source, device=device, trust=trust)
        identity = identity_of(source)
    black = np.zeros(classifier.fit.shape, np.uint8)
    predict_probabilities(classifier.model, black[None], 1)
    explain, why_not = None, ""
    try:
        explain = map_explainer(classifier, size=1)
        explain(black, None)
    except UserError as error:
        explain, why_not = None, first_line(error)
    accuracy, notes, texts = _measured(source)
    return LoadedModel(
        source,
        identity,
        classifier,
        explain,
        why_not,
        accuracy,
        (*classifier.notes, *notes),
        texts,
    )


def identity_of(source: Run | Path) -> str:
    """Return the SHA-256 of a model file, or of all files of a SavedModel."""
    path = _path(source)
    try:
        if not path.is_dir():
            return file_digest(path)
        whole = hashlib.sha256()
        for part in sorted(each for each in path.rglob("*") if each.is_file()):
            whole.update(f"{part.relative_to(path)} {file_digest(part)}\n".encode(errors="replace"))
        return whole.hexdigest()
    except OSError as error:
        raise RunError(f"the model {path} cannot be read: {error.strerror}") from error


def unique_names(sources: Sequence[Run | Path]) -> list[str]:
    """Return a name for each model: that of its run or file, longer if several share it."""
    names: list[str] = []
    for source in sources:
        names.append(next(name for name in _candidates(source) if name not in names))
    return names


def _candidates(source: Run | Path) -> Iterator[str]:
    path = source.path if isinstance(source, Run) else source
    path = path.absolute()
    if isinstance(source, Run) and path.name.isdecimal():
        yield printable(path.parent.name)
        yield printable(f"{path.parent.name}/{path.name}")
    else:
        yield printable(path.stem)
        yield printable(path.name)
    for number in range(2, 1000):
        yield printable(f"{path.name}-{number}")


def _path(source: Run | Path) -> Path:
    return source.model_path if isinstance(source, Run) else source


def _measured(source: Run | Path) -> tuple[dict[str, Any] | None, list[str], tuple[str, ...]]:
    """Return the accuracy on held-out examples, notes, and texts that name the subject."""
    if isinstance(source, Run):
        return _measured_run(source)
    return _measured_export(source), [], (source.stem,)


def _measured_run(run: Run) -> tuple[dict[str, Any] | None, list[str], tuple[str, ...]]:
    texts, notes, accuracy = [run.path.absolute().parent.name], [], None
    try:
        config = run.config()
        texts += [
            config.name,
            config.description or "",
            run.record().get("data", {}).get("name", ""),
        ]
    except CnnzooError as error:
        notes.append(first_line(error))
    for split in ("test", "validation"):
        if not run.metrics_path(split).exists():
            continue
        try:
            measured = run.metrics(split)
            accuracy = _accuracy(measured["metrics"]["accuracy"], measured["examples"], split)
            break
        except CnnzooError as error:
            notes.append(first_line(error))
    return accuracy, notes, tuple(texts)


def _measured_export(path: Path) -> dict[str, Any] | None:
    """Return the accuracy in the record next to an exported model, if there is a valid one."""
    try:
        record = json.loads(record_path(path).read_text(encoding="utf-8"))
        verified = record["verification"]
        return _accuracy(verified["accuracy"], verified["examples"], "test")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _accuracy(found: dict[str, Any], examples: int, split: str) -> dict[str, Any]:
    value, low, high = (found.get(key) for key in ("value", "low", "high"))
    return {
        "value": None if value is None else float(value),
        "low": None if low is None else float(low),
        "high": None if high is None else float(high),
        "examples": int(examples),
        "split": split,
    }
