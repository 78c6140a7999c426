from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.datasets.check.duplicates import (
    MAX_DISTANCE,
    TooAlikeError,
    _similar_hashes,
    find_copies,
)
from cnnzoo.datasets.check.pictures import SIDE, Traits


@given(st.integers(0, 2**32 - 1), st.integers(0, 120), st.integers(1, 4))
def test_every_pair_of_similar_hashes_is_found_once(seed, count, centres):
    rng = np.random.default_rng(seed)
    bases = rng.integers(0, 2**64, centres, dtype=np.uint64)
    hashes = rng.choice(bases, count)
    for _ in range(MAX_DISTANCE):  # so that distances around the limit are frequent
        hashes ^= np.uint64(1) << rng.integers(0, 64, count, dtype=np.uint64)
    found = [tuple(pair) for pairs in _similar_hashes(hashes) for pair in pairs.tolist()]
    distances = np.bitwise_count(hashes[:, None] ^ hashes)
    expected = {
        (one, other)
        for one in range(count)
        for other in range(one + 1, count)
        if distances[one, other] <= MAX_DISTANCE
    }
    assert len(found) == len(set(found))
    assert set(found) == expected


def traits(contents, thumbnails, hashes=None) -> Traits:
    n = len(contents)
    return Traits(
        np.array(contents, np.uint64),
        np.zeros(n, np.uint64) if hashes is None else hashes,
        np.full(n, 50, np.float32),
        np.ones(n, bool),
        np.stack(thumbnails),
    )


def pictures(count):
    return list(np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8))


def near(picture):
    return (picture * 0.9 + 10).astype(np.uint8)


def test_what_comes_first_in_the_order_is_kept():
    shown = pictures(30)
    shown[7], shown[8] = near(shown[3]), near(shown[3])
    contents = [*range(30)]
    contents[8] = 7
    for order, kept, copies, same_pixels in (
        (np.arange(30), 3, [7, 8], [-1, 7]),
        (np.arange(30)[::-1], 8, [7, 3], [8, -1]),
    ):
        (group,) = find_copies(traits(contents, shown), order)
        assert group.kept == kept
        assert group.copies.tolist() == copies
        assert group.same_pixels.tolist() == same_pixels


def test_a_copy_of_a_copy_is_no_copy():
    rng = np.random.default_rng(1)
    shown = pictures(40)
    # Each correlates with the next by about 0.95, and with the one after by about 0.9.
    shown[1] = (0.95 * shown[0] + rng.integers(0, 70, (SIDE, SIDE))).clip(0, 255).astype(np.uint8)
    shown[2] = (0.95 * shown[1] + rng.integers(0, 75, (SIDE, SIDE))).clip(0, 255).astype(np.uint8)
    correlations = np.corrcoef([picture.ravel() for picture in shown[:3]])
    assert correlations[0, 1] > 0.93
    assert correlations[1, 2] > 0.93
    assert correlations[0, 2] < 0.93
    (group,) = find_copies(traits(range(40), shown), np.arange(40))
    assert (group.kept, group.copies.tolist()) == (0, [1])


def test_what_is_usual_in_the_data_is_no_copy():
    rng = np.random.default_rng(2)
    base = pictures(1)[0]
    alike = [
        (base + rng.integers(-30, 31, base.shape)).clip(0, 255).astype(np.uint8) for _ in range(60)
    ]
    correlations = np.corrcoef([picture.ravel() for picture in alike])
    assert correlations.min() > 0.93
    assert find_copies(traits(range(60), alike), np.arange(60)) == []
    # The same two among pictures of other things are copies.
    others = [*alike[:2], *pictures(58)[1:]]
    assert len(find_copies(traits(range(59), others), np.arange(59))) == 1


def test_too_many_that_are_alike_are_refused():
    shown = np.random.default_rng(3).integers(0, 256, (1500, SIDE, SIDE), dtype=np.uint8)
    with pytest.raises(TooAlikeError):
        find_copies(traits(range(1500), shown), np.arange(1500))
    contents = [*range(1499), 0]
    (group,) = find_copies(traits(contents, shown), np.arange(1500), exact=True)
    assert (group.kept, group.copies.tolist()) == (0, [1499])


def test_no_pictures_have_no_copies():
    assert find_copies(traits([], np.zeros((1, 0, SIDE, SIDE), np.uint8)), np.arange(0)) == []
