"""Figures → files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from cnnzoo.errors import UserError
from cnnzoo.extras import require
from cnnzoo.reporting.style import figure_style
from cnnzoo.runs.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Suffix → what would make two files of one figure differ: the time of writing.
_FORMATS: dict[str, dict[str, None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
DOTS_PER_INCH = 144  # of PNG files: two pixels where a web page has one and a half


def check_suffix(path: Path) -> None:
    """Raise UserError for a file name that does not say a kind of file that a figure can be."""
    if path.suffix.lower() not in _FORMATS:
        kind = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise UserError(
            f"a figure cannot be written to {str(path)!r}, which has {kind}",
            hint=f"use one of {', '.join(_FORMATS)}",
        )


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the suffix of its path; whole or not at all.

    A file that is there is replaced, a directory that is missing is made.
    The same figure gives the same bytes. Text stays text in an SVG, so that it can be found, read
    aloud, and shown in letters that only the reader has a font for. Raises UserError for another
    suffix, and where the file cannot be written.
    """
    check_suffix(path)
    matplotlib = require("matplotlib", "report")
    kind = path.suffix.lower()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, figure_style(), warnings.catch_warnings():
            # A letter without a font shows as a box, or as itself in an SVG.
            warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
            with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cnnzoo"}):
                figure.savefig(
                    temporary, format=kind[1:], dpi=DOTS_PER_INCH, metadata=_FORMATS[kind]
                )
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}", hint="name another file"
        ) from error
