"""Labels as text: missing values, equal numbers, and the code of each label."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.items import in_order
from cnnzoo.text import nfc

# Texts for a missing value, in lower case, as pandas, NumPy and Excel write it.
_MISSING = frozenset({"", "nan", "-nan", "<na>", "n/a", "#n/a", "nat", "null"})

_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")


def is_missing(label: str) -> bool:
    """Return whether a label is a missing value rather than a class."""
    return label.strip().casefold() in _MISSING


def plain_names(labels: Iterable[str]) -> dict[str, str]:
    """Return the class name of each label: in NFC, and `1` for `1.0` if all are whole numbers.

    Codes such as `001` keep their zeros.
    """
    names = {label: nfc(label) for label in labels}
    if all(_WHOLE.fullmatch(name) for name in names.values()):
        names = {label: _whole(name) for label, name in names.items()}
    return names


def _whole(name: str) -> str:
    digits = name.partition(".")[0].removeprefix("+")
    return "0" if digits == "-0" else digits


def ordered_codes(
    seen: Mapping[str, int], codes: NDArray[np.int32], names: Mapping[str, str] | None = None
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return values in their order, and int32 [n] indices of them, from codes in any order.

    `seen` has the code of each value, from 0 in order of appearance; `names` renames values, and
    may give several values the same name.
    """
    named = [names[value] if names else value for value in seen]
    values = in_order(named)
    place = {value: index for index, value in enumerate(values)}
    places = np.array([place[value] for value in named], np.int32)
    return values, places[codes] if len(codes) else codes
