"""Config.data → Dataset."""

from __future__ import annotations

import math

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.config.schema import DataConfig
from cnnzoo.datasets.dataset import Dataset, Examples, ImageShape
from cnnzoo.datasets.images import fit_images
from cnnzoo.datasets.sources import class_names_of, find_source, label_of
from cnnzoo.datasets.splitting import stratified_split
from cnnzoo.errors import DataError

MAX_BYTES = 8 * 2**30


def load_dataset(data: DataConfig, *, image_shape: ImageShape) -> Dataset:
    """The data set that a section describes, its images at (height, width, channels).

    Raises DataError where the data are not there or cannot take that shape.
    """
    if image_shape[2] not in (1, 3):
        raise DataError(
            f"images have 1 channel (gray) or 3 (colour), but the model takes {image_shape[2]}",
            hint="set model.input_shape to [height, width, 1] or [height, width, 3]",
        )
    source, label = find_source(data), label_of(data)
    size = source.COUNT * math.prod(image_shape)
    if size > MAX_BYTES:
        raise DataError(
            f"{source.COUNT:,} images of {shape_text(image_shape)} take {size / 2**30:.0f} GiB, "
            f"more than the {MAX_BYTES // 2**30} GiB that fit in memory",
            hint="make model.input_shape smaller",
        )
    examples = source.read(label, image_shape)
    fractions = {"test": data.splits.test, "validation": data.splits.validation}
    indices = stratified_split(examples.labels, fractions, data.seed)
    fitted = Examples(fit_images(examples.images, image_shape), examples.labels)
    return Dataset(
        data.name,
        class_names_of(data),
        {split: fitted.take(chosen) for split, chosen in indices.items()},
    )
