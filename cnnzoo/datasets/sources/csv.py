"""A table of images: each row has pixels (FER2013, MNIST as CSV) or the path of a file."""

from __future__ import annotations

from pathlib import Path

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.path_table import PathTable
from cnnzoo.datasets.pixel_table import PixelTable
from cnnzoo.datasets.table_rows import Layout, TableError, find_layout
from cnnzoo.datasets.usable_rows import explained


def open_source(data: DataConfig) -> PixelTable | PathTable:
    """Open the table that `data.csv` names; raise DataError if it is missing or ambiguous."""
    assert data.csv
    path = Path(data.csv)
    with explained(data):
        layout = find_layout(path, data.label, data.image)
        _refuse_keys(layout, data)
        return (PathTable if layout.has_paths else PixelTable)(path, layout, data)


# Keys of `data` for tables of paths only, and for tables of pixels only.
_OF_PATHS = ("image_dir", "image_suffix", "follow_links")
_OF_PIXELS = ("layout",)


def _refuse_keys(layout: Layout, data: DataConfig) -> None:
    other, has, wants = (
        (_OF_PIXELS, "paths", "pixels") if layout.has_paths else (_OF_PATHS, "pixels", "paths")
    )
    for key in other:
        if getattr(data, key):
            raise TableError(
                f"has {has}, and data.{key} belongs to a table of {wants}", key, "remove this key"
            )
