"""The page of the server: HTML, and its scripts and styles as files below `/static/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

# The suffix of a file in this folder that the server delivers as /static/NAME → its type.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def page(models: Sequence[Mapping[str, Any]]) -> str:
    """Return the page as HTML.

    `models` are the entries of `GET /models`. There are none if the server has a token and the
    request does not: then the script asks for the token, and reads `GET /models` with it.
    """
    names = "".join(f"<li>{escape(model['name'])}</li>" for model in models)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>cnnzoo</title>'
        f"<h1>cnnzoo</h1><ul>{names}</ul></html>"
    )


def static_files() -> dict[str, tuple[str, bytes]]:
    """Return the files below `/static/`: name → (content type, content)."""
    found = {}
    for file in resources.files(__package__).iterdir():
        suffix = f".{file.name.rpartition('.')[2]}"
        if suffix in _TYPES:
            found[file.name] = (_TYPES[suffix], file.read_bytes())
    return found
