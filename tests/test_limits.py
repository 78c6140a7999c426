from __future__ import annotations

import pytest

from cnnzoo.limits import size_text, unpacked_bytes


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (12, "12 bytes"),
        (1500, "1.5 KiB"),
        (64 * 2**20, "64 MiB"),
        (3.5 * 2**30, "3.5 GiB"),
        (2**44, "16,384 GiB"),
    ],
)
def test_sizes_as_text(size, text):
    assert size_text(size) == text


def test_small_files_may_unpack_to_64_mib_and_large_ones_to_twice_their_size():
    assert unpacked_bytes(1000) == 64 * 2**20
    assert unpacked_bytes(2**30) == 2**31
