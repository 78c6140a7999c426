from __future__ import annotations

import re
from pathlib import PurePosixPath

from conftest import loaded_modules

from cnnzoo.serving.page import page, static_files

_IMPORT = re.compile(r'from "\./([\w.]+)"')


def test_everything_that_the_page_loads_is_delivered():
    files = static_files()
    wanted = set(re.findall(r"/static/([\w.]+)", page()))
    for name, (_, content) in files.items():
        if name.endswith(".js"):
            wanted |= set(_IMPORT.findall(content.decode()))
    assert wanted == set(files)


def test_the_types_are_those_that_a_browser_runs():
    kinds = {PurePosixPath(name).suffix: kind for name, (kind, _) in static_files().items()}
    assert kinds == {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


def test_the_page_has_nothing_that_its_policy_forbids():
    text = page()
    assert "<style" not in text
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert re.findall(r"\s(?:style|on\w+)=", text) == []


def test_names_are_never_markup():
    for name, (_, content) in static_files().items():
        assert not re.search(rb"innerHTML|outerHTML|insertAdjacentHTML|document\.write", content), (
            name
        )


def test_the_page_needs_no_figures():
    assert loaded_modules("import cnnzoo.serving.page", ("matplotlib", "keras", "jinja2")) == []
