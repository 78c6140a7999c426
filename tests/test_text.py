"""Short texts: fitted to a length, listed, joined and counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.text import (
    counted,
    duration_text,
    joined,
    listed,
    natural_order,
    printable,
    rough_duration,
    shorten,
    size_text,
)


@given(st.text())
def test_a_printable_line_keeps_its_letters_and_nothing_that_a_terminal_obeys(text):
    assert printable(text).isprintable()
    if text.isprintable():
        assert printable(text) == text


def test_line_breaks_and_directions_become_escapes():
    assert printable("a\nb\u202ec\x1b[31m") == "a\\nb\\u202ec\\x1b[31m"


@given(st.text(), st.integers(4, 30), st.sampled_from(["start", "end", "both"]))
def test_a_shortened_text_fits_and_keeps_the_chosen_part(text, most, keep):
    short, line = shorten(text, most, keep), printable(text)
    assert len(short) <= most
    if len(line) <= most:
        assert short == line
        return
    assert short.count("…") == line.count("…", 0, short.index("…")) + 1 or "…" in line
    if keep in ("start", "both"):
        assert short[0] == line[0]
    if keep in ("end", "both"):
        assert short[-1] == line[-1]


def test_shortening_marks_what_is_left_out():
    assert shorten("abcdefgh", 5) == "abcd…"
    assert shorten("abcdefgh", 5, "end") == "…efgh"
    assert shorten("abcdefgh", 5, "both") == "ab…gh"


def test_a_list_of_names_counts_those_that_it_leaves_out():
    assert listed(["a", "b"]) == "a, b"
    assert listed([]) == ""
    assert listed(range(10), 3) == "0, 1, 2, … 7 more"
    assert listed(range(3), 3) == "0, 1, 2"
    assert len(listed(["x" * 1000])) == 60


def test_a_phrase_has_a_word_before_its_last_part():
    assert [joined(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert joined(["a", "b"], "or") == "a or b"


def test_a_count_agrees_with_its_noun():
    assert counted(1, "class", "classes") == "1 class"
    assert counted(0, "class", "classes") == "0 classes"
    assert counted(1200, "layer") == "1,200 layers"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1:00"),
        (60, "1:00"),
        (3599.6, "1:00:00"),
        (3723, "1:02:03"),
        (180_245, "2 d 02:04:05"),
    ],
)
def test_durations(seconds, text):
    assert duration_text(seconds) == text


def test_sizes_are_short():
    assert [size_text(size) for size in (12, 251_420, 8_945_971, 2 * 10**9)] == [
        "12 B",
        "251 kB",
        "8.95 MB",
        "2 GB",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.1, "1 s"), (89, "89 s"), (90, "2 min"), (5400, "2 h"), (130_000, "2 d"), (1e8, "1,157 d")],
)
def test_rough_durations_have_the_unit_that_suits_them(seconds, text):
    assert rough_duration(seconds) == text


def test_numbers_in_names_are_sorted_by_size():
    expected = ["10", "9" * 5000, "b2/img 3", "b10/img 1", "row 9", "row 10", "vgg11"]
    assert sorted(expected, key=natural_order) == expected
