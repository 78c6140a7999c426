"""The range of the pixels of a source: the values of black and white."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WHITE = 255
DARK = WHITE // 4  # images without a brighter pixel are taken for a smaller range
ROUNDING = 1e-3  # of the range: a float may exceed it by this much

# The largest values of pixels that are stored with fewer bits than their type has.
_WHITES = (1, 3, 7, 15, 31, 63, 127, 255, 1023, 4095, 16383, 65535)


@dataclass(frozen=True, slots=True)
class PixelRange:
    """The values of black and white."""

    black: float
    white: float

    def outside(self, pixels: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which pixels are not numbers of this range, apart from rounding."""
        slack = ROUNDING * (self.white - self.black) if pixels.dtype.kind == "f" else 0
        with np.errstate(invalid="ignore"):
            inside: NDArray[np.bool_] = (pixels >= self.black - slack) & (
                pixels <= self.white + slack
            )
        return ~inside

    def to_bytes(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """Return pixels of this range as uint8, from 0 to 255, rounded and clipped."""
        if pixels.dtype.kind in "iu" and self in (FULL, UNIT):
            return pixels.astype(np.uint8) * np.uint8(WHITE // int(self.white))
        kind: Any = np.float64 if pixels.dtype.itemsize > 4 else np.float32
        scaled: NDArray[Any] = pixels.astype(kind) - kind(self.black)
        scaled *= kind(WHITE / (self.white - self.black))
        clipped: NDArray[np.uint8] = np.rint(scaled).clip(0, WHITE).astype(np.uint8)
        return clipped

    def __str__(self) -> str:
        return f"{self.black:g} to {self.white:g}"


FULL = PixelRange(0, WHITE)
UNIT = PixelRange(0, 1)


class RangeFinder:
    """Detect whether the pixels of a source are numbers from 0 to 255 or from 0 to 1.

    Pixels of any type that are all 0 or 1 are black and white. If some are fractions of 1 and some
    are larger, the majority decides; the others are errors.
    """

    def __init__(self) -> None:
        self.fractions = self.above = 0
        self.largest = 0.0

    def add(self, pixels: NDArray[Any]) -> None:
        """Look at some pixels of any shape."""
        with np.errstate(invalid="ignore"):
            above = pixels > 1 + ROUNDING
            self.above += int(np.count_nonzero(above))
            if pixels.dtype.kind == "f":
                self.fractions += int(np.count_nonzero((pixels > 0) & (pixels < 1)))
                pixels = pixels[np.isfinite(pixels)]
            self.largest = max(self.largest, float(pixels.max(initial=0)))

    @property
    def is_decided(self) -> bool:
        """True if more pixels would not change the result."""
        if self.above:
            return not self.fractions and self.largest > DARK
        return self.fractions > _ENOUGH and self.largest > 1 / 4

    @property
    def range(self) -> PixelRange:
        """The range of the pixels."""
        if self.above:
            return FULL if self.above >= self.fractions else UNIT
        return UNIT if self.largest else FULL

    def dark_note(self, title: str) -> str | None:
        """Return a line if no pixel is above a quarter of white."""
        if self.range == UNIT:
            dark = self.fractions and self.largest <= 1 / 4
            return dark_note(title, self.largest, 1) if dark else None
        return dark_note(title, self.largest) if 0 < self.largest <= DARK else None


_ENOUGH = 10_000  # fractions


def dark_note(title: str, largest: float, white: int = WHITE) -> str:
    """Return a line for images whose largest pixel is below a quarter of white."""
    fits = (value for value in _WHITES if value >= largest)
    likely = f"{largest:.3g}" if white == 1 else str(next(fits, white))
    return (
        f"{title} is nearly black: no pixel is above {largest:g} of {white}; "
        f"data.pixel_range={likely} makes {likely} white"
    )
