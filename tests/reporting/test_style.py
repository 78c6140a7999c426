from __future__ import annotations

import matplotlib
import pytest
from conftest import loaded_modules

from cnnzoo.reporting.style import figure_style, new_figure


@figure_style()
def fail_in_style() -> None:
    assert matplotlib.rcParams["font.size"] < 33
    raise ZeroDivisionError


def test_what_matplotlib_was_set_to_comes_back():
    with matplotlib.rc_context({"font.size": 33.0}):
        before = dict(matplotlib.rcParams)
        with pytest.raises(ZeroDivisionError):
            fail_in_style()
        assert dict(matplotlib.rcParams) == before


def test_figures_open_no_window_and_join_no_list():
    drawing = (
        "from cnnzoo.reporting.style import new_figure, figure_style\n"
        "with figure_style(): new_figure(1, 1).add_subplot()"
    )
    assert loaded_modules(drawing, ["matplotlib.pyplot", "matplotlib.figure"]) == [
        "matplotlib.figure"
    ]


@figure_style()
def titled(text: str) -> float:
    figure = new_figure(2, 2)
    title = figure.text(0, 0, text)
    figure.draw_without_rendering()
    return float(title.get_window_extent().width)


def test_names_are_no_formulas():
    assert titled("$5$") > titled("5") * 2
