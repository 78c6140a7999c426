"""Samples that need no download: `data: mnist5k`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.config.data import DataConfig
from cnnzoo.config.data_names import NAMES, SAMPLES
from cnnzoo.datasets.file_identity import file_state, files_identity
from cnnzoo.datasets.source import Source
from cnnzoo.errors import DataError, did_you_mean

if TYPE_CHECKING:  # reading only the class names loads no NumPy
    import numpy as np
    from numpy.typing import NDArray

    from cnnzoo.datasets.dataset import ImageShape
    from cnnzoo.datasets.images.fit import Fit
    from cnnzoo.datasets.images.workers import Progress
    from cnnzoo.datasets.items import Items

MAX_BYTES = 8 * 2**30  # a sample is created in memory
_CHUNK = 256  # images that are resized at a time


class SampleModule(Protocol):
    """The interface of the module of a sample."""

    COUNT: int
    LABELS: dict[str, tuple[str, ...]]

    def files(self) -> Iterable[Path]:
        """Return the files of its images; raise DataError if they are not installed."""

    def read(self, label: str, shape: ImageShape) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """All images uint8 [n, height, width, channels] and their labels int32 [n]."""


def find_sample(data: DataConfig) -> SampleModule:
    """Return the module of the sample that a configuration names; raise DataError if unknown."""
    if data.name not in SAMPLES:
        raise DataError(
            f"unknown data {data.name!r}{did_you_mean(data.name or '', NAMES)}",
            place=data.place("name"),
            hint=f"without a download: {', '.join(SAMPLES)}; your own pictures: data.folder=DIR; "
            "any data set of tensorflow-datasets: data.tfds=NAME",
        )
    return cast(SampleModule, import_module(SAMPLES[data.name]))


def label_of(data: DataConfig) -> str:
    """Return the label that a configuration chooses, by default the first one of the sample."""
    labels = find_sample(data).LABELS
    label = next(iter(labels)) if data.label is None else data.label
    if label not in labels:
        raise DataError(
            f"{data.name} has no label {label!r}{did_you_mean(label, labels)}",
            place=data.place("label"),
            hint=f"its labels: {', '.join(labels)}",
        )
    return label


def sample_classes(data: DataConfig) -> tuple[str, ...]:
    """Return the class names of a sample without reading it."""
    return find_sample(data).LABELS[label_of(data)]


def open_source(data: DataConfig) -> Sample:
    """The sample that `data.name` names."""
    return Sample(data)


class Sample(Source):
    """A sample under one of its labels."""

    def __init__(self, data: DataConfig) -> None:
        self.module = find_sample(data)
        self.label = label_of(data)
        self.name = data.name
        files = list(self.module.files())
        states = [value for path in files for value in file_state(path.stat())]
        self.identity = files_identity([*map(str, files)], states, str, data.name, self.label)

    def items(self) -> Items:
        """Return one item for each image, named by its number."""
        from cnnzoo.datasets.items import make_items

        _, labels = self.module.read(self.label, (8, 8, 1))
        class_names = self.module.LABELS[self.label]
        names = [str(number) for number in range(len(labels))]
        return make_items(names, [class_names[label] for label in labels])

    def read(
        self,
        items: Items,
        indices: NDArray[np.intp],
        out: np.memmap[Any, Any],
        fit: Fit,
        on_progress: Progress,
    ) -> dict[int, str]:
        """Write the images into `out`; all of them are readable."""
        from cnnzoo.datasets.images.fit import fit_images

        size = self.module.COUNT * math.prod(fit.shape)
        if size > MAX_BYTES:
            raise DataError(
                f"{self.module.COUNT:,} images of {shape_text(fit.shape)} take "
                f"{size / 2**30:.0f} GiB, more than the {MAX_BYTES // 2**30} GiB that fit in "
                "memory",
                hint="make model.input_shape smaller",
            )
        images, _ = self.module.read(self.label, fit.shape)
        for start in range(0, len(indices), _CHUNK):
            rows = slice(start, start + _CHUNK)
            out[rows] = fit_images(images[indices[rows]], fit)
            on_progress(min(start + _CHUNK, len(indices)), len(indices))
        return {}
