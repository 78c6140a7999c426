"""Escape text for Markdown: it is shown as it is and never becomes markup or HTML."""

from __future__ import annotations

import re

from cnnzoo.text import printable

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~!&$]")
_LINK = re.compile(r"(?<=[A-Za-z]):(?=//)|(?<=www)\.", re.IGNORECASE)
_BLOCK = re.compile(r"^(\s*\d*)([-+=.)])")


def escape_markdown(text: str, *, paragraph: bool = False) -> str:
    r"""Return a text on one line that Markdown shows unchanged: `a|b` becomes `a\|b`.

    Bare addresses, which GitHub turns into links, are escaped too. With `paragraph` the text may
    start a line, where `-` and `1.` would start a list.
    """
    escaped = _SPECIAL.sub(r"\\\g<0>", printable(text))
    escaped = _LINK.sub(r"\\\g<0>", escaped)
    return _BLOCK.sub(r"\1\\\2", escaped) if paragraph else escaped


def fenced(text: str, language: str) -> str:
    """Return a block of code whose fence is longer than any in the text."""
    longest = max(map(len, re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
