from __future__ import annotations

import numpy as np

from cnnzoo.datasets.dataset import Examples
from cnnzoo.evaluation.overlap import count_in_training


def examples(images: np.ndarray) -> Examples:
    return Examples(images, np.zeros(len(images), np.int32))


def test_examples_are_counted_by_their_pixels():
    images = np.random.default_rng(0).integers(0, 256, (2000, 4, 5, 3), np.uint8)
    training = examples(images[:1500])
    assert count_in_training([examples(images[1000:])], training) == 500
    assert count_in_training([examples(images[1500:])], training) == 0
    halves = [examples(images[:10]), examples(images[1495:1505])]
    assert count_in_training(halves, training) == 15


def test_one_changed_pixel_is_another_example():
    images = np.zeros((3, 4, 5, 1), np.uint8)
    changed = images.copy()
    changed[1, 0, 0, 0] = 1
    assert count_in_training([examples(changed)], examples(images)) == 2
