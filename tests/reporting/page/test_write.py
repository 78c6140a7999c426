from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY

from cnnzoo.config.loader import load_config
from cnnzoo.errors import RunError, UserError
from cnnzoo.evaluation.predictions import read_predictions, write_predictions
from cnnzoo.reporting.page.write import MAX_BYTES, MAX_RUNS, report_page
from cnnzoo.runs.run import Run, open_run
from cnnzoo.training.train import train

VOID = {"meta", "img", "br", "link"}


class Parsed(HTMLParser):
    """The elements of a page, what is inside scripts and styles, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.inside: dict[str, str] = {}
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, {key: value or "" for key, value in attributes}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, {key: value or "" for key, value in attributes}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.inside[self.open[-1]] = self.inside.get(self.open[-1], "") + data
        else:
            self.text += data

    def every(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(trained: Run) -> str:
    return report_page([trained])


@pytest.fixture(scope="module")
def parsed(page: str) -> Parsed:
    return Parsed(page)


@pytest.fixture
def copied(trained: Run, tmp_path: Path) -> Run:
    """A copy of the run, to be changed."""
    return Run(Path(shutil.copytree(trained.path, tmp_path / "strange" / "1")))


def test_the_page_is_well_formed_and_of_a_bounded_size(page, parsed):
    assert parsed.open == []
    assert len(page.encode()) < MAX_BYTES
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(attributes.get(name, "").split()) <= set(ids)
    assert all("alt" in image for image in parsed.every("img"))


def test_headings_do_not_jump(parsed):
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_nothing_is_asked_of_anyone(parsed):
    ids = {attributes.get("id") for _, attributes in parsed.elements}
    for _, attributes in parsed.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert "style" not in attributes
        assert attributes.get("src", "data:image/").startswith("data:image/")
        if "href" in attributes:
            assert attributes["href"].removeprefix("#") in ids


def test_the_policy_lets_in_the_page_s_own_script_and_style_only(parsed):
    (policy,) = (m["content"] for m in parsed.every("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        digest = hashlib.sha256(parsed.inside[kind].encode()).digest()
        assert f"{kind}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy


def test_a_hostile_name_stays_a_text(trained, parsed):
    assert len(parsed.every("script")) == len(parsed.every("style")) == 1
    assert not parsed.every("i")
    for name in trained.record()["class_names"]:
        assert name.replace("\u202e", "\\u202e") in parsed.text
    assert "\u202e" not in parsed.text  # it would turn the line around
    assert "<i>not</i> {{ 6 * 7 }} markup" in parsed.text


def test_notes_about_the_data_are_kept_in_the_run_and_shown(trained, page):
    (note,) = (note for note in trained.record()["data"]["notes"] if "not read" in note)
    assert "4 files not read as images: 4 .<script>alert(3)" in note
    assert "4 files not read as images: 4 .&lt;script&gt;alert(3)" in page


def test_the_matrix_is_that_of_the_metrics(trained, page):
    confusion = trained.metrics()["confusion"]
    table = page[page.index('<table class="matrix') :]
    cells = re.findall(
        r'<td class="(?:right|wrong) l\d+">(.*?)</td>', table[: table.index("</table>")]
    )
    shown = [re.sub("<.*?>", "", cell) for cell in cells]
    counts = [int(text.strip("·").replace(",", "")) for text in shown]
    assert counts == [count for row in confusion for count in row]


def test_each_cell_that_can_be_chosen_has_as_many_pictures_as_it_says(trained, parsed, page):
    opened = re.findall(r'<a href="#(run1-\d+-\d+)" aria-label="(\d+) of', page)
    assert len(opened) == np.count_nonzero(trained.metrics()["confusion"])
    for cell, count in opened:
        section = page[page.index(f'id="{cell}"') :]
        section = section[: section.index("</div>\n</div>")]
        assert section.count("<img") == min(int(count), 24)


def test_what_it_shows_answers_the_questions(parsed):
    for question in ("Which classes are confused?", "Does it overfit?", "What did the first layer"):
        assert question in parsed.text
    assert "cnnzoo reproduce" in parsed.text
    assert "imbalance" in parsed.text  # the first class has four times as many
    assert "filters: 4, kernel_size: 3" in parsed.text


def test_what_is_missing_is_measured(copied):
    for path in (copied.metrics_path("test"), copied.predictions_path("test")):
        path.unlink(missing_ok=True)
    report_page([copied])
    assert copied.metrics()["examples"] == copied.record()["data"]["examples"]["test"]


def test_predictions_of_another_model_are_measured_again(copied):
    report_page([copied])
    right = copied.metrics()
    path = copied.predictions_path("test")
    predictions = read_predictions(path)
    uniform = np.full_like(predictions.probabilities, 0.25)
    write_predictions(path, replace(predictions, probabilities=uniform))
    copied.metrics_path("test").write_text(json.dumps(right | {"examples": 1}))
    report_page([copied])
    assert copied.metrics() == right


def test_data_that_are_gone_leave_a_page_without_pictures(trained, strange):
    report_page([trained])
    pictures = strange.parent / "pictures"
    hidden = pictures.rename(strange.parent / "elsewhere")
    try:
        page = report_page([trained])
    finally:
        hidden.rename(pictures)
    assert "This page has no images" in page
    assert "<img" not in page
    assert trained.metrics()["examples"] > 0


def test_several_runs_are_compared(trained, copied):
    config = copied.path / "config.yaml"
    config.write_text(config.read_text().replace("epochs: 2", "epochs: 3"))
    parsed = Parsed(report_page([trained, copied]))
    assert parsed.open == []
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert "Comparison of 2 runs" in parsed.text
    assert re.search(r"epochs\s*2\s*3", parsed.text)
    assert "McNemar" in parsed.text
    assert "95 % interval" in parsed.text


def test_more_runs_than_a_page_holds_are_refused(trained):
    with pytest.raises(UserError, match="room for 8 runs, not 9"):
        report_page([trained] * (MAX_RUNS + 1))


def test_a_run_that_kept_no_model_is_named(copied):
    copied.model_path.unlink()
    with pytest.raises(RunError, match=r"has no model\.keras"):
        report_page([copied])


def test_a_model_without_convolution_and_without_test_examples(tmp_path):
    path = tmp_path / "flat.yaml"
    text = TINY.replace("    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}\n", "")
    path.write_text(text.replace("data: digits", "data: {name: digits, splits: {test: 0}}"))
    run = train(load_config(path, ["training.epochs=1"]), tmp_path / "runs")
    page = report_page([open_run(run.path)])
    assert "the model has no convolution" in page
    assert "validation examples are correct" in page
    assert "selected the best epoch" in page
