"""Figures → files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cnnzoo.errors import UserError
from cnnzoo.extras import require
from cnnzoo.reporting.style import figure_style
from cnnzoo.runs.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Suffix → metadata that would make two files of one figure differ: the time of writing.
_FORMATS: dict[str, dict[str, None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
DOTS_PER_INCH = 144  # of PNG files


def check_suffix(path: Path) -> None:
    """Raise UserError unless the suffix of a file name is that of a format of figures."""
    if path.suffix.lower() not in _FORMATS:
        kind = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise UserError(
            f"a figure cannot be written to {str(path)!r}, which has {kind}",
            hint=f"use one of {', '.join(_FORMATS)}",
        )


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure atomically as PNG, SVG or PDF, by the suffix of its path.

    An existing file is replaced, a missing directory is created. The same figure gives the same
    bytes. Raises UserError for another suffix, or if the file cannot be written.
    """
    check_suffix(path)
    kind = path.suffix.lower()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            write_figure(figure, file, kind[1:])
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}", hint="name another file"
        ) from error


def save_drawings(
    drawings: Mapping[str, Callable[[], Figure | None]], folder: Path, form: str
) -> list[Path]:
    """Write each figure into a folder as `NAME.FORM`, unless its function returns None."""
    written = []
    for name, draw in drawings.items():
        if figure := draw():
            written.append(folder / f"{name}.{form}")
            save_figure(figure, written[-1])
    return written


def write_figure(figure: Figure, file: BinaryIO, form: str, *, transparent: bool = False) -> None:
    """Write a figure to an open file as `png`, `svg` or `pdf`.

    Text in an SVG stays text: it can be selected, searched and read aloud, and is shown with the
    reader's fonts.
    """
    matplotlib = require("matplotlib", "report")
    with figure_style(), warnings.catch_warnings():
        # A character without a font is drawn as a box; an SVG keeps the character.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cnnzoo"}):
            figure.savefig(
                file,
                format=form,
                dpi=DOTS_PER_INCH,
                metadata=_FORMATS[f".{form}"],
                transparent=transparent,
            )
