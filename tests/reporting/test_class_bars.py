from __future__ import annotations

import numpy as np
import pytest
from legible import assert_legible, texts_of

from cnnzoo.reporting.class_bars import MAX_CLASSES, class_bars


def per_class(classes: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(classes)
    keys = ("precision", "recall", "f1")
    return {
        f"class {number} of many": {key: float(rng.random()) for key in keys} | {"support": number}
        for number in range(classes)
    }


@pytest.mark.parametrize("classes", [2, 10, 200])
def test_the_weakest_classes_come_first(classes):
    values = per_class(classes)
    figure = class_bars(values)
    assert_legible(figure)
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    expected = sorted(each["f1"] for each in values.values() if each["support"])
    assert widths == expected[:MAX_CLASSES]
    shown = "\n".join(texts_of(figure))
    assert "1 class without examples" in shown
    assert ("the lowest 60 of" in shown) == (classes > MAX_CLASSES)


def test_no_example_is_no_figure():
    assert class_bars(per_class(1)) is None
    assert class_bars({}) is None
