"""The look of all figures: fonts, colours, a white background."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cnnzoo.extras import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The colour-blind safe palette of Okabe and Ito, "Color Universal Design" (2008).
BLUE, VERMILLION, GREEN, SKY = "#0072B2", "#D55E00", "#009E73", "#56B4E9"
INK, DIM, PALE, PAPER = "#1a1a1a", "#595959", "#d9d9d9", "#ffffff"

SEQUENTIAL = "Blues"  # for shares: one hue, lighter is less

FONT_SIZE = 10  # points
TIMES = "\N{MULTIPLICATION SIGN}"

# Font families for characters that DejaVu Sans lacks, if they are installed.
_FALLBACK_FAMILIES = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans",
    "Hiragino Sans",
    "PingFang SC",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Arial Unicode MS",
    "Nirmala UI",
)

_STYLE: dict[str, Any] = {
    "axes.edgecolor": DIM,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": FONT_SIZE + 1,
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.dpi": 100,
    "figure.facecolor": PAPER,
    "figure.titlesize": FONT_SIZE + 1,
    "figure.titleweight": "bold",
    "font.size": FONT_SIZE,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
    "legend.fontsize": FONT_SIZE - 1,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.facecolor": PAPER,
    "text.color": INK,
    "text.parse_math": False,  # a class may be named "$5"
    "xtick.color": DIM,
    "xtick.labelcolor": INK,
    "xtick.labelsize": FONT_SIZE - 1,
    "ytick.color": DIM,
    "ytick.labelcolor": INK,
    "ytick.labelsize": FONT_SIZE - 1,
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Give figures that are made inside one look; restore the settings of matplotlib afterwards.

    Also a decorator: `@figure_style()`. Raises UserError if matplotlib is not installed.
    """
    matplotlib = require("matplotlib", "report")
    fonts = set(require("matplotlib.font_manager", "report").fontManager.get_font_names())
    families = ["DejaVu Sans", *(family for family in _FALLBACK_FAMILIES if family in fonts)]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a matplotlibrc does not change the figures
        matplotlib.rcParams.update({**_STYLE, "font.family": families})
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, laid out so that no label is cut.

    It does not open a window and is not in the list of open figures. Its label, `set_label`, is
    the description that replaces it for people who cannot see it.
    """
    figure: Figure = require("matplotlib.figure", "report").Figure(
        figsize=(width, height), layout="constrained"
    )
    return figure
