from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import TINY
from legible import assert_legible

from cnnzoo.config.loader import load_config
from cnnzoo.reporting.figures import FIGURES, FILE, figure_folders, page_figures, write_figures
from cnnzoo.reporting.page.write import collect_reports, page_of
from cnnzoo.reporting.report_data import ReportData
from cnnzoo.runs.run import Run
from cnnzoo.training.train import train

OF_TWO_CLASSES = {"roc"}
OF_THE_HISTORY = {"learning-curves", "learning-rate"}
OF_IMAGES = {"mistakes", "feature-maps", "grad-cam"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    folder = tmp_path_factory.mktemp("figures")
    path = folder / "tiny.yaml"
    path.write_text(TINY)
    run = train(load_config(path, ["training.epochs=1", "data.limit=300"]), folder / "runs")
    (report,) = collect_reports([run])
    return report


@pytest.mark.parametrize(
    ("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_every_figure_is_written_in_each_format(report, tmp_path, form, start):
    written = write_figures(report, tmp_path / "new", form)
    assert {path.name for path in written} == {
        f"{name}.{form}" for name in set(FIGURES) - OF_TWO_CLASSES
    }
    assert all(path.read_bytes().startswith(start) for path in written)


def test_every_figure_of_the_page_is_legible_and_described(report):
    drawn = list(page_figures(report))
    assert {name for name, _, _ in drawn} == {
        name for name, entry in FIGURES.items() if entry.section != FILE
    } - OF_TWO_CLASSES
    for _, _, figure in drawn:
        assert_legible(figure)
        assert re.search(r"\d", figure.get_label())


def test_a_figure_that_is_added_appears_on_the_page_and_as_a_file(report, tmp_path, monkeypatch):
    entry = FIGURES["reliability"]._replace(section="training")
    before = page_of([report]).count('<svg class="figure"')
    monkeypatch.setitem(FIGURES, "added", entry)
    assert tmp_path / "added.svg" in write_figures(report, tmp_path)
    assert page_of([report]).count('<svg class="figure"') == before + 1


def test_what_the_run_does_not_have_is_not_drawn(report, tmp_path):
    bare = replace(report, history=[], dataset=None, missing="gone")
    missing = OF_TWO_CLASSES | OF_THE_HISTORY | OF_IMAGES
    assert {path.stem for path in write_figures(bare, tmp_path)} == set(FIGURES) - missing


def test_figures_of_several_runs_are_in_folders_of_their_own():
    runs = [Run(Path("runs/lenet/1")), Run(Path("runs/lenet/2"))]
    assert figure_folders(runs[:1], Path("f")) == [Path("f")]
    assert figure_folders(runs, Path("f")) == [Path("f/lenet-1"), Path("f/lenet-2")]
