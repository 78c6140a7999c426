from __future__ import annotations

import pytest

from cnnzoo.reporting.markdown import escape_markdown, fenced


def test_a_fence_is_longer_than_any_in_the_text():
    assert fenced("a\n````\nb\n", "yaml") == "`````yaml\na\n````\nb\n`````"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b\n<c>", r"a\|b\\n\<c\>"),
        ("![x](y) **b** `c` &lt; $d$", r"\!\[x\](y) \*\*b\*\* \`c\` \&lt; \$d\$"),
        ("see https://x.y and www.z", r"see https\://x.y and www\.z"),
        ("0.5 - 1", "0.5 - 1"),
    ],
)
def test_markup_is_shown_as_text(text, escaped):
    assert escape_markdown(text) == escaped


@pytest.mark.parametrize(
    ("text", "escaped"),
    [("- a", r"\- a"), ("1. a", r"1\. a"), ("12) a", r"12\) a"), ("a-b", "a-b")],
)
def test_a_paragraph_does_not_start_a_list(text, escaped):
    assert escape_markdown(text, paragraph=True) == escaped
