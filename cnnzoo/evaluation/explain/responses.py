"""The regions of the data to which each filter responds most strongly.

These are the images, and the regions in them, with the highest values of a feature map; after
Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014,
arXiv:1311.2901, without the deconvolution: the region is the receptive field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.dataset import Examples, Images
from cnnzoo.evaluation.classifier import Classifier, batch_size
from cnnzoo.evaluation.explain.parts import ModelParts, Part, find_parts
from cnnzoo.evaluation.explain.receptive import region
from cnnzoo.models.backend import load_keras

TOP = 8
EXAMPLES = 2000

# Of one batch and stage: the strongest values [n, channels], and their places row * width + column.
_Strongest = tuple[NDArray[np.float32], NDArray[np.int32]]
# Of all batches so far: values, rows of examples, and places, each [channels, at most k].
_Best = tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.int32]]


@dataclass(frozen=True, slots=True)
class Responses:
    """The k strongest responses of each channel of a stage, the strongest first.

    `values` float32 [channels, k]; `rows` intp [channels, k], which examples; `regions` int32
    [channels, k, 4], the pixels top, left, bottom, right (the latter two excluded) that the
    response depends on, within the image. An example occurs once in a row.
    """

    name: str
    values: NDArray[np.float32]
    rows: NDArray[np.intp]
    regions: NDArray[np.int32]


def strongest_responses(
    classifier: Classifier,
    examples: Examples,
    k: int = TOP,
    *,
    limit: int = EXAMPLES,
    parts: ModelParts | None = None,
) -> tuple[Responses, ...]:
    """Find the strongest responses of the channels of each stage in at most `limit` examples.

    Of more examples, evenly spaced ones are taken. One batch of feature maps is in memory at a
    time.
    """
    parts = parts or find_parts(classifier.model)
    chosen = _spread(len(examples), limit)
    best = [_nothing(part.tensor.shape[-1]) for part in parts.stages]
    for rows, found in _batches(parts, examples.images, chosen):
        best = [_best(k, *pair, rows) for pair in zip(best, found, strict=True)]
    shape = classifier.fit.shape
    return tuple(
        Responses(part.name, values, rows, _regions(part, places, shape))
        for part, (values, rows, places) in zip(parts.stages, best, strict=True)
    )


def _nothing(channels: int) -> _Best:
    empty = np.empty((channels, 0))
    return empty.astype(np.float32), empty.astype(np.intp), empty.astype(np.int32)


def _best(k: int, best: _Best, found: _Strongest, rows: NDArray[np.intp]) -> _Best:
    """Return the k best of the previous ones and those of another batch with these rows."""
    strongest, places = found[0].T, found[1].T
    values = np.hstack([best[0], strongest])
    # Of equal values the earlier example comes first.
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    all_rows = np.hstack([best[1], np.broadcast_to(rows, strongest.shape)])
    all_places = np.hstack([best[2], places])
    return (
        np.take_along_axis(values, order, 1),
        np.take_along_axis(all_rows, order, 1),
        np.take_along_axis(all_places, order, 1),
    )


def _spread(count: int, limit: int) -> NDArray[np.intp]:
    if count <= limit:
        return np.arange(count)
    return np.linspace(0, count - 1, limit).round().astype(np.intp)


def _batches(
    parts: ModelParts, images: Images, chosen: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], list[_Strongest]]]:
    """Yield the rows of each batch, and the strongest responses in it for each stage.

    The last batch is padded, so that no backend compiles the model twice.
    """
    probe = _probe(parts)
    size = batch_size(tuple(parts.image.shape[1:]), probe)
    for start in range(0, len(chosen), size):
        batch = chosen[start : start + size]
        filled = np.resize(batch, size)
        outputs = [
            np.asarray(output)[: len(batch)] for output in probe.predict_on_batch(images[filled])
        ]
        yield batch, list(zip(outputs[::2], outputs[1::2], strict=True))


def _probe(parts: ModelParts) -> Any:
    """Return a model from images to the maximum of each channel and its place, per stage."""
    keras = load_keras()
    outputs = []
    for part in parts.stages:
        height, width, channels = part.tensor.shape[1:]
        listed = keras.ops.reshape(part.tensor, (-1, height * width, channels))
        outputs += [keras.ops.max(listed, axis=1), keras.ops.argmax(listed, axis=1)]
    return keras.Model(parts.image, outputs)


def _regions(
    part: Part, places: NDArray[np.int32], shape: tuple[int, int, int]
) -> NDArray[np.int32]:
    """Return the region of each place, row * width + column of a feature map: int32 [..., 4]."""
    height, width, _ = shape
    columns = part.tensor.shape[2]
    found = [
        region(part.view, int(place) // columns, int(place) % columns, height, width)
        for place in places.ravel()
    ]
    return np.array(found, np.int32).reshape(*places.shape, 4)
