from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from cnnzoo.config.durations import Duration, seconds_of


class Waiting(BaseModel):
    time: Duration


@pytest.mark.parametrize(
    ("written", "seconds"), [("30s", 30), ("5m", 300), ("1.5h", 5400), ("0.25s", 0.25)]
)
def test_a_duration_is_a_number_and_a_unit(written, seconds):
    assert seconds_of(Waiting(time=written).time) == seconds


@pytest.mark.parametrize(
    ("written", "way"),
    [
        ("5", ""),
        ("5 m", ""),
        ("m", ""),
        ("-1s", ""),
        ("0s", ""),
        ("1d", ""),
        ("1e3s", ""),
        (300, "; write 300s or 300m"),
        (0, ""),
        (True, ""),
        (None, ""),
    ],
)
def test_anything_else_is_refused_with_an_example(written, way):
    with pytest.raises(ValidationError) as caught:
        Waiting(time=written)
    (error,) = caught.value.errors()
    assert "must be a duration such as 30s, 5m or 1.5h, not " in error["msg"]
    assert error["msg"].endswith(way)
    assert ("; write" in error["msg"]) == bool(way)
