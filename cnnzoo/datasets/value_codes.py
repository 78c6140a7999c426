"""Strings as numbers: the code of each value among all that there are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.items import in_order


def ordered_codes(
    seen: Mapping[str, int], codes: NDArray[np.int32]
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """The values in their order, and int32 [n] indices of them, from codes given as values came.

    `seen` has each value with its code, counted from 0 in the order in which they were first seen.
    """
    values = in_order(seen)
    place = {value: index for index, value in enumerate(values)}
    places = np.array([place[value] for value in seen], np.int32)
    return values, places[codes] if len(codes) else codes
