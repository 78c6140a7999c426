from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.datasets.pixel_ranges import FULL, UNIT, PixelRange, RangeFinder, dark_note


def found(*blocks):
    finder = RangeFinder()
    for block in blocks:
        finder.add(np.asarray(block))
    return finder


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([[0, 255]], FULL),
        ([[0, 15]], FULL),
        ([[0, 1]], UNIT),
        ([[0.0, 1.0]], UNIT),
        ([[0.0, 1.0005]], UNIT),
        ([[0.0, 0.5]], UNIT),
        ([[0, 1], [0, 2]], FULL),
        ([[0.1, 0.2, 0.3, 9.0]], UNIT),
        ([[0.5, 9.0, 8.0]], FULL),
        ([[0.0, np.nan, 200.0]], FULL),
        ([[0, 0]], FULL),
        ([np.empty(0)], FULL),
    ],
)
def test_the_range_is_told_by_the_pixels(blocks, expected):
    assert found(*blocks).range == expected


def test_a_bright_pixel_decides_at_once():
    assert found([0, 64]).is_decided
    assert not found([0, 63]).is_decided
    assert not found([0.5, 200.0]).is_decided
    assert not found([0.0, 1.0]).is_decided
    assert found(np.linspace(0.1, 0.9, 20_000)).is_decided


@pytest.mark.parametrize(
    ("blocks", "note"),
    [
        ([[0, 15]], "no pixel is above 15 of 255; data.pixel_range=15 makes 15 white"),
        ([[0, 12]], "no pixel is above 12 of 255; data.pixel_range=15 makes 15 white"),
        ([[0.0, 0.1]], "no pixel is above 0.1 of 1; data.pixel_range=0.1 makes 0.1 white"),
    ],
)
def test_dark_images_are_told(blocks, note):
    assert found(*blocks).dark_note("photos") == f"photos is nearly black: {note}"


@pytest.mark.parametrize("block", [[0, 64], [0, 1], [0.0, 1.0], [0.0, 0.3], [0, 0]])
def test_other_images_are_not_dark(block):
    assert found(block).dark_note("photos") is None


def test_the_note_for_files_names_the_bits():
    assert "above 4000 of 65535; data.pixel_range=4095" in dark_note("x", 4000, 65535)


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4), st.sampled_from(["f4", "f8"]))
def test_black_and_white_of_any_range(black, size, kind):
    black, white = np.array([black, black + size], kind).tolist()
    if not black < white:
        return
    pixels = np.array([black, white], kind)
    scale = PixelRange(black, white)
    assert not scale.outside(pixels).any()
    assert scale.to_bytes(pixels).tolist() == [0, 255]
    assert scale.outside(np.array([black - size, white + size, np.nan], kind)).all()


def test_integers_of_full_and_unit_range_are_exact():
    assert np.array_equal(FULL.to_bytes(np.arange(256)), np.arange(256))
    assert UNIT.to_bytes(np.array([0, 1])).tolist() == [0, 255]
    sixteen = PixelRange(0, 65535).to_bytes(np.arange(65536, dtype=np.uint16))
    assert np.array_equal(sixteen, (np.arange(65536) + 128) // 257)
