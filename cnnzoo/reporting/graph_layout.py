"""Sizes of the parts of a graph of layers, and its columns; in inches."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cnnzoo.reporting.blocks import Block, Box, Fork, Repeated

HEAD, LINE = 0.26, 0.15  # of a box: its name, and each line below
GAP = 0.2  # from a box to the next
BETWEEN = 0.3  # branches
PAD = 0.1  # inside the frame of a repetition
SPLIT = 0.24  # from the fork to its branches
MERGE = 0.52  # from the branches to the end of the fork
GUTTER = 0.6  # between columns

_BYPASS = 0.3  # the width of an identity
_LETTER = 0.074
_LETTERS = 36  # on a line of followers
_SLENDER = 1.1  # the ratio of height to width above which a drawing is cut into columns

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes of blocks whose boxes have one width."""

    box_width: float

    @classmethod
    def of(cls, boxes: Iterable[Box]) -> Layout:
        """Return the layout whose boxes fit the longest line."""
        letters = (
            max(len(box.name) + len(box.shape) + 3, *map(len, ["", *followers(box)]))
            for box in boxes
        )
        return cls(max(letters) * _LETTER + 0.2)

    def size(self, block: Block) -> Size:
        """Return the width and height of a block."""
        if isinstance(block, Box):
            below = len(followers(block))
            return self.box_width, HEAD + LINE * below + (0.05 if below else 0)
        if isinstance(block, Repeated):
            width, height = self.stack_size(block.blocks)
            return width + 2 * PAD, height + 2 * PAD + 2 * LINE
        branches = [self.stack_size(branch) for branch in block.branches]
        width = sum(branch[0] for branch in branches) + BETWEEN * (len(branches) - 1)
        return width, SPLIT + max(branch[1] for branch in branches) + MERGE

    def stack_size(self, blocks: Sequence[Block]) -> Size:
        """Return the width and height of blocks below each other; of none, an identity."""
        sizes = [self.size(block) for block in blocks]
        height = sum(size[1] for size in sizes) + GAP * (len(sizes) - 1)
        return (max(size[0] for size in sizes), height) if sizes else (_BYPASS, 0.0)

    def columns(self, blocks: Sequence[Block]) -> list[list[Block]]:
        """Return the blocks in columns, so that the drawing is slightly higher than wide."""
        width, height = self.stack_size(blocks)
        count = max(1, round(math.sqrt(height / (_SLENDER * (width + GUTTER)))))
        limit = height / count
        while len(columns := self._filled(blocks, limit)) > count:
            limit *= 1.02
        return columns

    def _filled(self, blocks: Sequence[Block], limit: float) -> list[list[Block]]:
        """Return columns no higher than a limit, unless they have a single block."""
        columns: list[list[Block]] = []
        used = 0.0
        for block in blocks:
            height = self.size(block)[1]
            if not columns or used + GAP + height > limit:
                columns.append([])
                used = -GAP
            columns[-1].append(block)
            used += GAP + height
        return columns


def followers(box: Box) -> list[str]:
    """Return the lines of a box with the layers that follow its layer."""
    text = " · ".join(box.followers)
    return textwrap.wrap(text, _LETTERS, break_long_words=False)


def boxes_in(blocks: Iterable[Block]) -> Iterator[Box]:
    """Yield every box, also those inside other blocks."""
    for block in blocks:
        if isinstance(block, Box):
            yield block
        elif isinstance(block, Repeated):
            yield from boxes_in(block.blocks)
        elif isinstance(block, Fork):
            for branch in block.branches:
                yield from boxes_in(branch)
