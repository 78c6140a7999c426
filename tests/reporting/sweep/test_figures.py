from __future__ import annotations

import re

import pytest
from legible import assert_legible, texts_of
from sweeps import write_sweep

from cnnzoo.reporting.sweep.data import collect_sweep
from cnnzoo.reporting.sweep.figures import FIGURES
from cnnzoo.reporting.sweep.page import sweep_page


def test_every_figure_of_a_sweep_is_legible(tmp_path):
    data = collect_sweep(write_sweep(tmp_path, trials=12))
    drawn = {name for name, draw in FIGURES.items() if (figure := draw(data))}
    assert drawn == set(FIGURES) - {"pareto"}
    for name in drawn - {"parallel"}:  # whose labels are on the lines
        figure = FIGURES[name](data)
        assert figure
        assert figure.get_label()
        assert_legible(figure)
    slices = FIGURES["slices"](data)
    assert slices
    assert {"learning_rate", "batch_size"} <= set(texts_of(slices))


def test_several_objectives_have_a_pareto_front(tmp_path):
    overrides = ("sweep.objective=[val_accuracy, -macs]",)
    data = collect_sweep(write_sweep(tmp_path, *overrides, trials=12, costs=True))
    assert 1 <= len(data.best) < 12
    figure = FIGURES["pareto"](data)
    assert figure
    assert_legible(figure)


def test_the_page_has_the_trials_and_loads_nothing(tmp_path):
    data = collect_sweep(write_sweep(tmp_path, "sweep.seeds=2", trials=6, seeds=2))
    page = sweep_page(data)
    rows = re.findall(r"<tr><td class=\"number\">(\d+)</td>", page)
    assert rows[0] == str(data.best[0].number)
    assert "Student" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert page.count("<svg") >= 4


@pytest.mark.parametrize("trials", [0, 1])
def test_a_sweep_with_few_trials_has_a_page(tmp_path, trials):
    page = sweep_page(collect_sweep(write_sweep(tmp_path, trials=trials)))
    assert ("No trial is complete" in page) == (not trials)


def test_texts_of_strangers_are_escaped(tmp_path):
    directory = write_sweep(tmp_path, trials=2, problem="<script>alert(1)</script>")
    assert "<script>" not in sweep_page(collect_sweep(directory))
