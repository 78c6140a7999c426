from __future__ import annotations

import pytest

from cnnzoo.reporting.figures import FIGURES


@pytest.mark.parametrize("command", ["report", "card"])
def test_what_is_no_run_is_named(in_process, command):
    code, out, err = in_process(command, "runs/none/1")
    assert (code, out) == (2, "")
    assert "the run 'runs/none/1' does not exist" in err
    code, _, err = in_process(command)
    assert code == 2
    assert "train one first" in err


def test_a_page_and_a_card_are_written_where_it_is_said(in_process, tiny, tmp_path):
    assert in_process("train", "--config", str(tiny), "training.epochs=1", "data.limit=200")[0] == 0
    code, out, err = in_process("report")
    assert (code, err) == (0, "")
    assert out.startswith("written to runs/tiny/1/report.html: 0.")
    assert (tmp_path / "runs/tiny/1/report.html").read_text().startswith("<!doctype html>")
    code, out, _ = in_process("report", "runs/tiny/1", "runs/tiny/1", "--output", "to/both.html")
    assert code == 0
    assert "Comparison of 2 runs" in (tmp_path / "to/both.html").read_text()
    code, out, _ = in_process("report", "--figures", "drawn", "--format", "pdf")
    assert code == 0
    count = len(FIGURES) - 1  # not ROC, which is of two classes
    assert out.endswith(f"written to drawn: {count} figures\n")
    assert len(list((tmp_path / "drawn").iterdir())) == count
    assert (tmp_path / "drawn/confusion.pdf").read_bytes().startswith(b"%PDF")
    code, _, err = in_process("report", "--figures", "drawn", "--format", "pdf")
    assert code == 2
    assert "drawn/learning-curves.pdf" in err
    assert in_process("report", "--figures", "drawn", "--format", "pdf", "--force")[0] == 0
    code, out, _ = in_process("card", "--output", "README.md")
    assert (code, out) == (0, "written to README.md\n")
    assert (tmp_path / "README.md").read_text().startswith("---\nlibrary_name: keras\n")
