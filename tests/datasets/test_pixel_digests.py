from __future__ import annotations

import numpy as np

from cnnzoo.datasets.pixel_digests import row_digests


def test_digests_tell_images_apart_whatever_their_row():
    images = np.zeros((3000, 2, 2, 1), np.uint8)
    images[2999, 1, 1] = 1
    digests = row_digests(images, np.array([2999, 0, 1500]))
    assert digests.shape == (3, 16)
    assert np.array_equal(digests[1], digests[2])
    assert not np.array_equal(digests[0], digests[1])
