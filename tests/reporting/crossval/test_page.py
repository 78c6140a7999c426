from __future__ import annotations

import re

import pytest
from crossvals import write_crossval
from legible import assert_legible

from cnnzoo.reporting.crossval.data import collect_crossval
from cnnzoo.reporting.crossval.figures import FIGURES
from cnnzoo.reporting.crossval.page import crossval_page


@pytest.mark.parametrize("repeats", [1, 2])
def test_every_figure_is_legible(tmp_path, repeats):
    data = collect_crossval(write_crossval(tmp_path, folds=5, repeats=repeats))
    for draw in FIGURES.values():
        figure = draw(data)
        assert figure
        assert figure.get_label()
        assert_legible(figure)


def test_the_page_has_metrics_and_folds_and_loads_nothing(tmp_path):
    data = collect_crossval(write_crossval(tmp_path))
    page = crossval_page(data)
    accuracy = data.record.metrics["accuracy"]
    assert f"{accuracy.low:.4f} to {accuracy.high:.4f}" in page
    assert re.findall(r"<td>(fold \d)</td>", page) == ["fold 1", "fold 2", "fold 3"]
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert page.count("<svg") == 3


def test_a_failed_fold_gives_a_warning_and_no_mean(tmp_path):
    directory = write_crossval(tmp_path, failed=True, problem="<script>alert(1)</script>")
    page = crossval_page(collect_crossval(directory))
    assert "No mean over fewer folds is given" in page
    assert "<script>" not in page
    assert 'id="metrics"' not in page
