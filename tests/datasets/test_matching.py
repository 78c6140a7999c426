from __future__ import annotations

import pytest

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets import matching
from cnnzoo.datasets.matching import matched_names
from cnnzoo.errors import DataError


def matched(names, pattern):
    return matched_names(names, DataConfig(folder="/pictures", group=pattern), "group", "group")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("s[0-9]+", ["s1", "s20", ""]),
        ("s([0-9]+)", ["1", "20", ""]),
        ("(.)/s(?P<group>[0-9]+)", ["1", "20", ""]),
        ("(x)?s", ["", "", ""]),
    ],
)
def test_the_group_is_the_named_one_or_the_first_or_the_match(pattern, found):
    assert matched(["cat/s1_1.png", "dog/s20_7.png", "dog/7.png"], pattern) == found


def test_a_pattern_that_never_ends_is_ended(monkeypatch):
    monkeypatch.setattr(matching, "MATCH_SECONDS", 0.5)
    with pytest.raises(DataError, match=r"data.group .* takes more than 0.5 s for 1 file names"):
        matched(["a" * 200 + ".png"], "((a+)+)!")


def test_a_pattern_that_cannot_be_matched_is_refused(monkeypatch):
    monkeypatch.setattr(matching, "_MATCH", "raise SystemExit(1)")
    with pytest.raises(DataError, match="cannot be matched"):
        matched(["a.png"], "a")
