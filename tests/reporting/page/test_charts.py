from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.reporting.page.charts import HEIGHT, WIDTH, learning_charts, reliability_chart

VALUES = st.floats(1e-6, 1e3)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=80))
def test_everything_is_inside_the_chart(rows):
    history = [
        {"epoch": float(number), "loss": loss, "val_loss": held, "learning_rate": rate}
        for number, (loss, held, rate) in enumerate(rows, 1)
    ]
    charts = learning_charts(history, len(rows))
    assert [chart.title for chart in charts] == ["Loss", "Learning rate"]
    for chart in charts:
        for line in chart.lines:
            for place in line.path[1:].split("L"):
                x, y = map(float, place.split())
                assert 0 <= x <= WIDTH
                assert 0 <= y <= HEIGHT
        for scale in (chart.x, chart.y):
            places = [place for place, _ in scale.ticks]
            assert all(
                min(scale.first, scale.last) - 1 <= p <= max(scale.first, scale.last) + 1
                for p in places
            )


def test_more_is_higher_and_what_is_not_a_number_is_left_out():
    nan = float("nan")
    history = [
        {"epoch": 1.0, "accuracy": 0.5},
        {"epoch": 2.0, "accuracy": nan},
        {"epoch": 3.0, "accuracy": 0.9},
    ]
    (chart,) = learning_charts(history, 3)
    first, last = (float(p.split()[1]) for p in chart.lines[0].path[1:].split("L"))
    assert last < first
    assert chart.marks[0][1] == "best epoch 3"
    assert "0.5 to 0.9" in chart.summary
    assert learning_charts([], None) == []


def test_a_bin_is_as_high_as_its_accuracy():
    bins = [
        {"low": 0.0, "high": 0.5, "count": 0, "confidence": None, "accuracy": None},
        {"low": 0.5, "high": 1.0, "count": 8, "confidence": 0.75, "accuracy": 0.5},
    ]
    chart = reliability_chart(bins)
    ((x, y, width, height, text),) = chart.bars
    assert (x, x + width) == (chart.x(0.5), chart.x(1.0))
    assert y == chart.y(0.5)
    assert y + height == chart.y(0)
    assert text == "8 examples, 75.0% sure on average, 50.0% right"
