from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from cnnzoo.reporting.curves import learning_curves
from cnnzoo.reporting.page.inline_svg import inline_svg
from cnnzoo.reporting.style import figure_style, new_figure

HISTORY = [
    {"epoch": float(epoch), "loss": 1 / epoch, "val_loss": 1.1 / epoch} for epoch in range(1, 5)
]


@pytest.fixture
def svg() -> ET.Element:
    return ET.fromstring(inline_svg(learning_curves(HISTORY, 2), "run1-curves"))


def test_the_policy_of_the_page_holds(svg):
    for element in svg.iter():
        assert element.tag not in ("style", "script", "metadata")
        assert "style" not in element.attrib
        assert not any(name.startswith(("on", "{")) for name in element.attrib)
        for value in element.attrib.values():
            assert "http" not in value


def test_every_reference_has_its_target_and_ids_have_the_prefix(svg):
    ids = [element.get("id") for element in svg.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    assert all(each.startswith("run1-curves-") for each in ids)
    text = ET.tostring(svg, encoding="unicode")
    used = {*re.findall(r"url\(#([^)]+)\)", text), *re.findall(r'href="#([^"]+)"', text)}
    assert used
    assert used == set(ids)


def test_text_is_text_and_the_figure_is_described(svg):
    texts = [element.text for element in svg.iter("text")]
    assert {"loss", "epoch", "training", "validation", "best epoch: 2"} <= set(texts)
    assert "training loss 1 to 0.25" in svg.get("aria-label")
    assert svg.get("role") == "img"
    assert float(svg.get("width")) == pytest.approx(4.6 * 96, abs=1)


@figure_style()
def titled(text: str):
    figure = new_figure(3, 2)
    figure.add_subplot().set_title(text)
    figure.set_label(text)
    return figure


def test_a_hostile_name_stays_text():
    name = "</svg><script>alert(1)</script>\"'&"
    svg = ET.fromstring(inline_svg(titled(name), "x"))
    assert name in [element.text for element in svg.iter("text")]
    assert svg.get("aria-label") == name
    assert svg.find(".//script") is None


@figure_style()
def ticked():
    figure = new_figure(3, 2)
    figure.add_subplot().set_xticks([0, 1], ["0", "0.1234"])
    return figure


def test_numbers_in_texts_keep_their_digits():
    svg = ET.fromstring(inline_svg(ticked(), "x"))
    assert "0.1234" in [element.text for element in svg.iter("text")]
