from __future__ import annotations

import numpy as np
import pytest
from legible import assert_legible, texts_of

from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.reporting.gallery import mistakes_gallery, surest_mistakes

NAMES = ("a class of a rather long name", "Ü", "c")


def predictions(count: int) -> Predictions:
    rng = np.random.default_rng(count)
    values = rng.dirichlet([1, 1, 1], count).astype(np.float32)
    labels = rng.integers(0, 3, count).astype(np.int32)
    return Predictions(tuple(map(str, range(count))), labels, values, NAMES)


def test_the_surest_mistakes_come_first():
    found = predictions(200)
    chosen = surest_mistakes(found, 20)
    assert len(set(chosen)) == 20
    assert (found.predicted[chosen] != found.labels[chosen]).all()
    sure = found.probabilities.max(axis=1)
    wrong = found.predicted != found.labels
    assert sorted(sure[wrong])[::-1][:20] == list(sure[chosen])


@pytest.mark.parametrize(("count", "channels"), [(2, 1), (4, 3), (80, 3)])
def test_tiles_show_the_images_with_truth_and_prediction(count, channels):
    found = predictions(count)
    images = np.random.default_rng(0).integers(0, 256, (count, 8, 6, channels), np.uint8)
    chosen = surest_mistakes(found, 24)
    figure = mistakes_gallery(images, found)
    assert_legible(figure)
    assert len(figure.axes) == len(chosen)
    for axes, index in zip(figure.axes, chosen, strict=True):
        assert np.array_equal(axes.images[0].get_array().reshape(8, 6, channels), images[index])
    first = chosen[0]
    share = f"{found.probabilities[first].max():.1%}"
    label = next(text for text in texts_of(figure) if text.endswith(share))
    truth, predicted, _ = label.split("\n")
    assert truth[0] == NAMES[found.labels[first]][0]
    assert predicted[:3] == f"→ {NAMES[found.predicted[first]][0]}"


def test_no_mistake_is_no_figure():
    labels = np.zeros(3, np.int32)
    right = Predictions(("a", "b", "c"), labels, np.eye(3, dtype=np.float32)[labels], NAMES)
    assert mistakes_gallery(np.zeros((3, 4, 4, 1), np.uint8), right) is None
