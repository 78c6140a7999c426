"""Open the data that a model is measured on: those of its run, or others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from cnnzoo.config.data import DataConfig
from cnnzoo.config.data_sources import SOURCES, names_a_folder
from cnnzoo.config.loader import load_raw
from cnnzoo.config.located import Map
from cnnzoo.config.mistakes import explain
from cnnzoo.config.overrides import apply_override
from cnnzoo.config.section import Section
from cnnzoo.datasets.dataset import Dataset
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.source import open_source
from cnnzoo.datasets.splitting import splits_of
from cnnzoo.errors import DataError, RunError
from cnnzoo.evaluation.classifier import Classifier
from cnnzoo.runs.run import CONFIG, Run
from cnnzoo.runs.trained import is_trained, title
from cnnzoo.training.progress import Display, load_with_progress

TEST, ALL = "test", "all"

_NAMES_A_SOURCE = re.compile(rf"data(\.({'|'.join(SOURCES)})(\.\w+)?)?=")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A data set, its relation to the training of the run, and the default split.

    The default split of other data is their test split, or all of them without one.
    """

    dataset: Dataset
    own: bool
    split: str


class _Data(Section):
    """A configuration with a data section only."""

    data: DataConfig


def choose_data(
    run: Run | None, classifier: Classifier, words: Sequence[str], display: Display
) -> Chosen:
    """Return the data of a run, changed by `words`, or the data that `words` name.

    A word is a name (`mnist5k`), or a key of the section with its value (`folder=photos`); another
    source inherits nothing from the section of the run, unless it has the same examples: then it
    is the data of the run in another place. Images are resized as the model expects them, unless a
    word changes that.

    Raises DataError if the data of the run have changed since the training, ConfigError for invalid
    words.
    """
    shape = classifier.fit.shape
    fingerprint = run.record().get("data", {}).get("fingerprint") if run else None
    if not words:
        if run is None:
            raise RunError(
                "a model file does not name data to measure it on",
                hint="name data: --data mnist5k, or --data folder=photos",
            )
        own = run.config().data
        if own is None:
            raise RunError(f"{run} names no data", hint="name data: --data folder=photos")
        if is_trained(run) and own.source != "name":
            raise RunError(
                f"{title(run)} comes without its data, {own.title}",
                hint=f"name the place of the data: --data {own.source}=PATH",
            )
        dataset = load_with_progress(own, shape, display)
        _refuse_changed(dataset, fingerprint, run)
        return Chosen(dataset, True, TEST)
    if run and (moved := _own_elsewhere(run, words)):
        with suppress(DataError):
            dataset = load_dataset(moved, image_shape=shape, on_progress=display.decode)
            if dataset.fingerprint == fingerprint:
                return Chosen(load_with_progress(moved, shape, display), True, TEST)
    data = _section(run, classifier, words)
    dataset = load_with_progress(data, shape, display)
    if dataset.fingerprint == fingerprint:
        return Chosen(dataset, True, TEST)
    parts = open_source(data).items().part_values
    has_test = (
        data.fold is not None
        or data.splits.test is not None
        or isinstance(splits_of(parts, data)[TEST], tuple)
    )
    return Chosen(dataset, False, TEST if has_test else ALL)


def _own_elsewhere(run: Run, words: Sequence[str]) -> DataConfig | None:
    """Return the section of the run with the place that `words` name; None for another source."""
    own = run.config().data
    overrides = [_override(word) for word in words]
    if own is None or not all(word.startswith(f"data.{own.source}=") for word in overrides):
        return None
    raw = Map()
    raw.put("data", load_raw(run.path / CONFIG).get("data"), None, None)
    for override in overrides:
        apply_override(raw, override)
    return _validated(raw)


def _section(run: Run | None, classifier: Classifier, words: Sequence[str]) -> DataConfig:
    """Return the section of the run changed by words; only the words if they name a source."""
    overrides = [_override(word) for word in words]
    raw = Map()
    if run and not any(map(_NAMES_A_SOURCE.match, overrides)):
        raw.put("data", load_raw(run.path / CONFIG).get("data"), None, None)
    for override in overrides:
        apply_override(raw, override)
    if isinstance(raw["data"], str):
        apply_override(raw, f"data.name={raw['data']}")
    if isinstance(raw["data"], Map) and "resize" not in raw["data"]:
        fit = classifier.fit
        resize = {"method": fit.method, "interpolation": fit.interpolation}
        raw["data"].put("resize", resize, None, None)
    return _validated(raw)


def _validated(raw: Map) -> DataConfig:
    try:
        return _Data.model_validate(raw).data
    except ValidationError as error:
        raise explain(error, _Data, raw) from None


def _override(word: str) -> str:
    """Convert `mnist5k` to `data=mnist5k`, `folder=photos` and `photos/` to `data.folder=…`."""
    if names_a_folder(word):
        return f"data.folder={word}"
    if re.match(r"data[.=]", word):
        return word
    return f"data.{word}" if re.match(r"[A-Za-z_][\w.]*=", word) else f"data={word}"


def _refuse_changed(dataset: Dataset, expected: str | None, run: Run) -> None:
    if dataset.fingerprint != expected:
        raise DataError(
            f"{dataset.name} has changed since {run} was trained: its fingerprint was "
            f"{expected} and is {dataset.fingerprint}",
            hint="splits could overlap; put back what was changed (for a sample, the package "
            "versions in run.json), or train again",
        )
