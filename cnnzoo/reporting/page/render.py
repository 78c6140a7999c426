"""Templates of this folder → HTML pages without other files or network access."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any

import cnnzoo
from cnnzoo.errors import UserError
from cnnzoo.extras import require
from cnnzoo.reporting.findings import percent
from cnnzoo.text import printable, shorten

MAX_BYTES = 5_000_000
_LETTERS = 16  # of a class name next to the confusion matrix


def render(template: str, styles: Sequence[str], scripts: Sequence[str], **values: Any) -> str:
    """Return the page of a template, at most MAX_BYTES; every text is escaped.

    The policy of the page allows these styles and scripts and forbids to load anything. Raises
    UserError if jinja2 is not installed or the page is too large.
    """
    jinja2 = require("jinja2", "report")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cnnzoo.reporting.page", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters |= {"percent": percent, "thousands": "{:,}".format, "short": _short}
    style, script = "".join(map(_file, styles)), "".join(map(_file, scripts))
    markup = require("markupsafe", "report").Markup
    page: str = environment.get_template(template).render(
        style=markup(style),
        style_hash=_hash(style),
        script=markup(script),
        script_hash=_hash(script),
        version=cnnzoo.__version__,
        **values,
    )
    if len(page.encode(errors="backslashreplace")) > MAX_BYTES:
        raise UserError(
            f"the page would be larger than {MAX_BYTES / 1e6:g} MB", hint="name fewer runs"
        )
    return page


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return the hash by which the policy of the page allows a script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _short(name: str) -> str:
    return shorten(name, _LETTERS, "both")


def _visible(value: Any) -> Any:
    """Escape control and direction characters of a text."""
    if type(value) is not str:  # Markup is written by cnnzoo
        return value
    return "\n".join(map(printable, value.split("\n")))
