"""What sources of image files have in common: each item is a file below one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.images.workers import Progress, decode_files
from cnnzoo.datasets.items import Items
from cnnzoo.datasets.source import Source


class ImageFiles(Source):
    """A source whose items are named by their paths below `root`."""

    root: Path

    def read(
        self,
        items: Items,
        indices: NDArray[np.intp],
        out: np.memmap[Any, Any],
        fit: Fit,
        on_progress: Progress,
    ) -> dict[int, str]:
        """Decode the files of the items at these indices into the rows of `out`."""
        paths = [f"{self.root}/{items.names[index]}" for index in indices]
        return decode_files(paths, out, fit, on_progress)
