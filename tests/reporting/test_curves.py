from __future__ import annotations

import math

import pytest
from legible import assert_legible, texts_of

from cnnzoo.reporting.curves import curve_names, learning_curves, learning_rate_curve


def history(epochs: int) -> list[dict[str, float]]:
    return [
        {
            "epoch": epoch,
            "accuracy": 1 - 0.5 / epoch,
            "loss": 1 / epoch,
            "val_accuracy": 0.9 - 0.5 / epoch,
            "val_loss": 1.1 / epoch,
            "learning_rate": 10.0**-epoch,
            "seconds": 3.0,
        }
        for epoch in range(1, epochs + 1)
    ]


@pytest.mark.parametrize("epochs", [1, 2, 40])
def test_each_metric_is_drawn_over_the_epochs(epochs):
    rows = history(epochs)
    figure = learning_curves(rows, best_epoch=epochs)
    assert_legible(figure)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "accuracy"]
    for axes, name in zip(figure.axes, ["loss", "accuracy"], strict=True):
        training, validation, best = axes.lines
        assert list(training.get_ydata()) == [row[name] for row in rows]
        assert list(validation.get_ydata()) == [row[f"val_{name}"] for row in rows]
        assert list(validation.get_xdata()) == list(range(1, epochs + 1))
        assert set(best.get_xdata()) == {epochs}
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert ticks
        assert all(tick == int(tick) for tick in ticks)


def test_what_is_no_metric_is_no_curve():
    rows = [row | {"epoch_seconds": 1.0, "val_top5": 0.3} for row in history(2)]
    assert curve_names(rows) == ["loss", "accuracy", "top5"]
    figure = learning_curves(rows)
    assert "best epoch" not in " ".join(texts_of(figure))
    assert_legible(figure)


def test_a_loss_that_became_no_number_is_a_gap():
    rows = [*history(2), history(3)[2] | {"loss": math.nan, "val_loss": math.inf}]
    assert_legible(learning_curves(rows, 2))


def test_no_epoch_is_no_figure():
    assert learning_curves([]) is None
    assert learning_rate_curve([]) is None
    assert learning_rate_curve([{"epoch": 1, "loss": 2.0}]) is None


@pytest.mark.parametrize(("epochs", "scale"), [(1, "linear"), (2, "linear"), (5, "log")])
def test_a_rate_that_falls_far_has_a_logarithmic_axis(epochs, scale):
    figure = learning_rate_curve(history(epochs), 1)
    assert figure.axes[0].get_yscale() == scale
    assert not any("$" in text for text in texts_of(figure))
    assert_legible(figure)


def test_a_rate_of_zero_is_drawn():
    rows = [row | {"learning_rate": 0.0} for row in history(2)]
    assert_legible(learning_rate_curve(rows))
