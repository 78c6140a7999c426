from __future__ import annotations

import numpy as np
import pytest

from cnnzoo.reporting.page.filter_types import (
    BRIGHT,
    DARK,
    EDGE,
    MIXED,
    chance_of_edge,
    filter_types,
    filter_types_text,
)

DOWN, RIGHT = np.mgrid[:5, :5] - 2.0


def kinds(*weights: np.ndarray):
    return filter_types(np.stack(weights, axis=-1)[:, :, None, :].astype(np.float32))


@pytest.mark.parametrize(
    ("plane", "arrow"),
    [
        (RIGHT, "→"),
        (-RIGHT, "←"),
        (-DOWN, "↑"),
        (DOWN, "↓"),
        (RIGHT - DOWN, "↗"),
        (DOWN - RIGHT, "↙"),
    ],
)
def test_a_planted_edge_points_to_its_bright_side(plane, arrow):
    noise = np.random.default_rng(0).normal(0, 0.3, (5, 5))
    (found,) = kinds(plane + noise)
    assert (found.kind, found.arrow) == (EDGE, arrow)


def test_one_sign_is_brightness_and_a_ring_is_neither():
    ring = np.where((abs(DOWN) == 2) | (abs(RIGHT) == 2), 1.0, -1.5)
    assert [found.kind for found in kinds(np.ones((5, 5)), -np.ones((5, 5)), ring)] == [
        BRIGHT,
        DARK,
        MIXED,
    ]


@pytest.mark.parametrize("size", [3, 5])
def test_chance_is_as_likely_as_it_is_said_to_be(size):
    weights = np.random.default_rng(0).normal(size=(size, size, 1, 20_000)).astype(np.float32)
    # Those of one sign are left out of the edges, which are so many fewer.
    found = [type.kind for type in filter_types(weights) if type.kind in (EDGE, MIXED)]
    assert found.count(EDGE) / len(found) == pytest.approx(chance_of_edge(size, size), abs=0.01)


def test_the_sentence_counts_and_says_what_chance_would_do():
    text = filter_types_text(kinds(RIGHT, RIGHT, np.ones((5, 5))), 5, 5)
    assert text.startswith("Of 3 filters, 2 answer to edges and 1 to brightness.")
    assert "brighter to the right (2)" in text
    assert "less than 1 in 1,000" in text
    assert "cannot tell" in filter_types_text(filter_types(np.ones((1, 1, 3, 4), np.float32)), 1, 1)
