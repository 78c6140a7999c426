from __future__ import annotations

import numpy as np
import pytest

from cnnzoo.evaluation.explain.explain import Explanation, Stage
from cnnzoo.evaluation.explain.integrated_gradients import Attribution
from cnnzoo.evaluation.explain.responses import Responses
from cnnzoo.reporting.explanations import (
    explanation_figure,
    feature_maps_figure,
    filters_figure,
    responses_figure,
)
from cnnzoo.reporting.tiles import GAP, TILE, coloured, grid, padded

NAMES = tuple(f"class {number}" for number in range(11))


def texts(figure):
    return [
        text.get_text()
        for axes in figure.axes
        for text in (*axes.texts, axes._left_title, axes.title, *axes.get_yticklabels())
    ]


def explanation(cam, channels=3):
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(11)).astype(np.float32)
    values = random.normal(size=cam.shape).astype(np.float32)
    attribution = Attribution(values, float(values.sum()) + 2.5, 2)
    image = random.integers(0, 256, (*cam.shape, channels), np.uint8)
    stages = (Stage("conv2d", random.random((4, 4, 30)).astype(np.float32)),)
    return image, Explanation(probabilities, 4, cam, stages, attribution)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_is_explained_by_numbers_that_are_measured(channels):
    image, found = explanation(np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8), channels)
    written = texts(explanation_figure("dog.jpg", image, found, NAMES))
    assert {"dog.jpg", "Grad-CAM: class 4", "integrated gradients: class 4"} <= set(written)
    order = np.argsort(-found.probabilities)
    assert [text for text in written if text in NAMES] == [NAMES[label] for label in order[:8]]
    assert f"{found.probabilities.max():.2f}" in written
    total = found.attribution.values.sum()
    assert f"sum: {total:.2f} of {total + 0.5:.2f}" in written
    assert "no positive evidence" not in written


def test_an_empty_map_says_so():
    image, found = explanation(np.zeros((6, 8), np.float32))
    assert "no positive evidence" in texts(explanation_figure("a", image, found, NAMES))


def test_a_stage_says_how_many_of_its_maps_are_shown():
    few = Stage("few", np.ones((2, 3, 5), np.float32))
    _, found = explanation(np.zeros((6, 8), np.float32))
    first, second = feature_maps_figure((*found.stages, few)).axes
    low, high = (f"{edge:.3g}" for edge in shown_range(found.stages[0].maps, 24))
    expected = f"4x4x30, conv2d, the 24 strongest: dark {low}, bright {high}"
    assert first.get_title("left") == expected
    assert second.get_title("left") == "2x3x5, few: dark 1, bright 1"


def shown_range(maps, count):
    strongest = sorted(range(maps.shape[-1]), key=lambda i: -maps[..., i].max())[:count]
    return maps[..., strongest].min(), maps[..., strongest].max()


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_filters_are_drawn_around_zero(channels):
    """A filter of zeros is of the colour between: gray, or what PuOr has in its middle."""
    filters = np.zeros((5, 5, channels, 3), np.float32)
    filters[..., 0] = 1
    filters[..., 1] = -1
    (axes,) = filters_figure(filters).axes
    pixels = axes.images[0].get_array()
    middle = TILE // 2 + 1
    step = TILE + 2 + GAP  # with its frame
    positive, negative, zero = (pixels[middle, middle + step * i].astype(int) for i in range(3))
    between = (
        [128, 128, 128] if channels == 3 else coloured(np.zeros((1, 1)), -1, 1, "PuOr_r")[0, 0]
    )
    np.testing.assert_allclose(zero, between, atol=1)
    if channels == 3:
        assert (positive.tolist(), negative.tolist()) == ([255] * 3, [0] * 3)
    else:
        assert positive[0] > positive[2]  # orange
        assert negative[2] > negative[0]  # purple


def test_responses_show_the_region_that_was_seen():
    images = np.zeros((3, 8, 8, 1), np.uint8)
    images[2, 4:8, 0:4] = 200
    images[1, 2:4, 6:8] = 90
    found = Responses(
        "conv2d",
        np.array([[3, 2], [1, 0]], np.float32),
        np.array([[2, 1], [2, 0]]),
        np.array([[[4, 0, 8, 4], [2, 6, 4, 8]], [[4, 0, 8, 4], [0, 0, 4, 4]]], np.int32),
    )
    (axes,) = responses_figure([found], images).axes
    pixels = axes.images[0].get_array()
    centre, step = TILE // 2 + 1, TILE + 2 + GAP
    assert pixels[centre, centre, 0] == 200
    assert pixels[centre, centre + step, 0] == 90
    assert pixels[5, step + 5, 0] not in (0, 90, 200)  # the region is smaller: a pale edge
    dead = pixels[:, -TILE // 2]  # a response of 0 shows no picture
    assert len(np.unique(dead[2:TILE], axis=0)) == 1
    assert axes.get_title("left").startswith(
        "conv2d: strongest responses of channels 0 to 0 (left)"
    )


def test_a_grid_has_its_tiles_in_rows():
    tiles = [np.full((4, 8, 3), shade, np.uint8) for shade in (10, 20, 30)]
    sheet = grid(tiles, 2)
    height, width = TILE // 2 + 2, TILE + 2
    assert sheet.shape == (2 * height + GAP, 2 * width + GAP, 3)
    for number, shade in enumerate((10, 20, 30)):
        top, left = number // 2 * (height + GAP), number % 2 * (width + GAP)
        inside = sheet[top + 1 : top + height - 1, left + 1 : left + width - 1]
        assert (inside == shade).all()


def test_padding_keeps_the_pixels():
    pixels = np.random.default_rng(0).integers(0, 200, (3, 2, 3), np.uint8)
    tile = padded(pixels, 5, 4)
    assert tile.shape == (5, 4, 3)
    np.testing.assert_array_equal(tile[1:4, 1:3], pixels)
