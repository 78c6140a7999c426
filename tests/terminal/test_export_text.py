from __future__ import annotations

from cnnzoo.terminal.export_text import export_text

FIGURE = {"value": 0.95, "low": 0.94, "high": 0.96}


def test_what_was_measured_is_shown():
    speed = {"latency": 0.001, "images_per_second": 1234.4}
    record = {
        "bytes": 251_420,
        "verification": {
            "data": "mnist5k",
            "split": "test",
            "examples": 1000,
            "agreement": FIGURE,
            "disagreements": 50,
            "largest_difference": 0.25,
            "mean_difference": 0.001,
            "accuracy": FIGURE,
            "keras_accuracy": FIGURE,
            "accuracy_difference": {"value": -0.01, "low": -0.02, "high": 0.0},
            "p_value": 0.03,
        },
        "speed": {"batch_size": 8, "exported": speed, "keras": speed, "keras_predict": speed},
    }
    text = export_text(record)
    assert "labels: 95.00% as Keras on 1,000 examples (test split of mnist5k); 50 differ" in text
    assert "difference -0.0100" in text
    assert "-0.0200" in text
    assert "p = 0.03" in text
    assert "size: 251 kB" in text
    assert "one image: 1 ms" in text
    assert "batches of 8: 1,234 images/s" in text


def test_an_unverified_export_is_called_that():
    assert export_text({"bytes": 10}) == "not verified\nsize: 10 B"
