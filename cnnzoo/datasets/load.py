"""Config.data → Dataset."""

from __future__ import annotations

from cnnzoo.config.schema import DataConfig
from cnnzoo.datasets.dataset import Dataset, Examples, ImageShape
from cnnzoo.datasets.images import fit_images
from cnnzoo.datasets.sources import class_names_of, find_source, label_of
from cnnzoo.datasets.splitting import stratified_split
from cnnzoo.errors import DataError


def load_dataset(data: DataConfig, *, image_shape: ImageShape) -> Dataset:
    """The data set that a section describes, its images at (height, width, channels).

    Raises DataError where the data are not there or cannot take that shape.
    """
    if image_shape[2] not in (1, 3):
        raise DataError(
            f"images have 1 channel (gray) or 3 (colour), but the model takes {image_shape[2]}",
            hint="set model.input_shape to [height, width, 1] or [height, width, 3]",
        )
    label = label_of(data)
    examples = find_source(data).read(label, image_shape)
    fractions = {"test": data.splits.test, "validation": data.splits.validation}
    indices = stratified_split(examples.labels, fractions, data.seed)
    fitted = Examples(fit_images(examples.images, image_shape), examples.labels)
    return Dataset(
        data.name,
        class_names_of(data),
        {split: fitted.take(chosen) for split, chosen in indices.items()},
    )
