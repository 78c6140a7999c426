from __future__ import annotations

import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.config.wording import form_hint
from cnnzoo.errors import CnnzooError


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1e-3", "write 1e-3 without quotes"),
        ("5%", "write 0.05"),
        ("1_000", "write 1000, without separators"),
        ("1,000", "write 1000, without separators"),
        ("0,1", "write 0.1, with a point"),
        ("0,001", "write 0.001, with a point"),
        ("1,5", "write 1.5, with a point"),
        ("ten", None),
        ("", None),
    ],
)
def test_a_text_that_is_meant_as_a_number_gets_a_hint(text, hint):
    assert form_hint(text, lambda meant: isinstance(meant, int | float)) == hint


@pytest.mark.parametrize(
    "words",
    [
        "training.optimizer.SGD.learning_rate='1e-3'",
        "training.optimizer.SGD.learning_rate=5%",
        "data.splits.test=20%",
        "data.splits.validation=0,1",
    ],
)
def test_a_number_in_the_place_of_a_name_gets_a_hint_about_numbers(words):
    with pytest.raises(CnnzooError, match=r"write (0\.\d+|1e-3)"):
        load_config("lenet", [words])
