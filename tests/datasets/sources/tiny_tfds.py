"""Writes small data sets of tensorflow-datasets into a directory: `python tiny_tfds.py DIRECTORY`.

Image i of a split is one colour, 4 * i; it is "light" from 40 on. The real packages write them, in
a process of their own, so that the tests load neither.
"""

from __future__ import annotations

import io
import sys

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

HEIGHT, WIDTH = 5, 4
COUNTS = {"train": 20, "test": 10, "extra": 6}


def pixels(number: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), 4 * number, np.uint8)


def png(number: int) -> io.BytesIO:
    file = io.BytesIO()
    Image.fromarray(pixels(number)).save(file, "PNG")
    file.seek(0)
    return file


class Tiny(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.2.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(names=["dark", "light"]),
            "pixels": tfds.features.Tensor(shape=(HEIGHT, WIDTH, 3), dtype=np.uint8),
            "attributes": {"even": np.bool_, "third": np.int64, "share": np.float32},
            "caption": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(count) for split, count in COUNTS.items()}

    def _generate_examples(self, count):
        for number in range(count):
            third = {"even": number % 2 == 0, "third": 5 * (number % 3), "share": number / count}
            yield (
                number,
                {
                    "image": png(number),
                    "label": int(number >= 10),
                    "pixels": pixels(number),
                    "attributes": third,
                    "caption": str(number),
                },
            )


class TinyDamaged(tfds.core.GeneratorBasedBuilder):
    """One image that is none, and one example that has no label."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(),
            "label": tfds.features.ClassLabel(num_classes=3),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in range(9):
            image = io.BytesIO(b"<html>") if number == 4 else png(number)
            yield number, {"image": image, "label": -1 if number == 7 else number % 3}


class TinyConfigs(Tiny):
    """Two configurations; the second is the default."""

    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=name, version="1.0.0") for name in ("one", "two")
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "two"


class TinyTexts(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(num_classes=2)}
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        yield 0, {"text": "none", "label": 1}


def main(directory: str) -> None:
    for builder in (Tiny, TinyDamaged, TinyTexts):
        builder(data_dir=directory).download_and_prepare()
    for config in ("one", "two"):
        TinyConfigs(data_dir=directory, config=config).download_and_prepare()


if __name__ == "__main__":
    main(sys.argv[1])
