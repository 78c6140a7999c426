"""A figure of matplotlib as SVG inside a page, under the page's policy and in its colours.

The policy of the page forbids style attributes, so they become presentation attributes, which the
style sheet of the page overrides by colour: `report.css` maps the palette to light and dark.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from cnnzoo.extras import require
from cnnzoo.reporting.saving import write_figure

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_NUMBER = re.compile(r"\d+\.\d{3,}")
_GEOMETRY = ("d", "x", "y", "width", "height", "transform", "points")
_PIXELS_PER_POINT = 96 / 72
_FONT_SIZE = re.compile(r"([\d.]+)px")


def inline_svg(figure: Figure, prefix: str) -> Markup:
    """Return a figure as an `svg` element whose ids begin with `prefix`; its label describes it."""
    data = io.BytesIO()
    write_figure(figure, data, "svg", transparent=True)
    root = ET.fromstring(data.getvalue())
    used = _references(root)
    for element in root.iter():
        _clean(element, used, prefix)
    for parent in root.iter():
        for child in [each for each in parent if each.tag in ("metadata", "style")]:
            parent.remove(child)
    width, height = (float(root.attrib[side].removesuffix("pt")) for side in ("width", "height"))
    root.attrib = {
        "class": "figure",
        "viewBox": root.attrib["viewBox"],
        "width": f"{width * _PIXELS_PER_POINT:.0f}",
        "height": f"{height * _PIXELS_PER_POINT:.0f}",
        "role": "img",
        "aria-label": str(figure.get_label()),
    }
    text = ET.tostring(root, encoding="unicode")
    markup: Markup = require("markupsafe", "report").Markup(re.sub(r"\s*\n\s*", "\n", text))
    return markup


def _references(root: ET.Element) -> set[str]:
    """Return the ids that elements refer to: clip paths and markers."""
    used = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == f"{_XLINK}href":
                used.add(value.removeprefix("#"))
            used.update(_REFERENCE.findall(value))
    return used


def _clean(element: ET.Element, used: set[str], prefix: str) -> None:
    element.tag = element.tag.removeprefix(_SVG)
    attributes = element.attrib
    style = attributes.pop("style", "")
    for declaration in filter(None, map(str.strip, style.split(";"))):
        name, _, value = declaration.partition(":")
        _set(attributes, name.strip(), value.strip())
    if attributes.get("id") in used:
        attributes["id"] = f"{prefix}-{attributes['id']}"
    else:
        attributes.pop("id", None)
    if href := attributes.pop(f"{_XLINK}href", ""):
        attributes["href"] = f"#{prefix}-{href.removeprefix('#')}"
    for name, value in attributes.items():
        value = _REFERENCE.sub(rf"url(#{prefix}-\1)", value)
        attributes[name] = _NUMBER.sub(_rounded, value) if name in _GEOMETRY else value


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}"


def _set(attributes: dict[str, str], name: str, value: str) -> None:
    """Set an attribute from a declaration; of a font the page has its own family."""
    if name != "font":
        attributes.setdefault(name, value)
        return
    if size := _FONT_SIZE.search(value):
        attributes["font-size"] = size[1]
    if re.match(r"(bold|[6-9]00)\b", value):
        attributes["font-weight"] = "bold"
