from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from rich.console import Console

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.dataset import Dataset, Examples
from cnnzoo.training import progress
from cnnzoo.training.progress import Bars, Display, Lines, display_for, load_shown, metrics_text

ROW = {
    "epoch": 3,
    "accuracy": 0.5,
    "f1": 0.25,
    "loss": 1.5,
    "val_loss": 2.0,
    "learning_rate": 0.1,
    "seconds": 4.56,
}


def console(terminal: bool) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=terminal, width=100), text


def run_through(display: Display) -> None:
    display.start(12, 10)
    display.step(3, 4, {"loss": 1.75, "accuracy": 0.4})
    display.epoch(ROW)
    display.stop()


def dataset(skipped: int = 0) -> Dataset:
    examples = Examples(np.zeros((1234, 1, 1, 1), np.uint8), np.arange(1234, dtype=np.int32) % 2)
    splits = dict.fromkeys(("train", "validation", "test"), examples)
    reasons = {f"{index}.jpg": "is empty" for index in range(skipped)}
    return Dataset("photos", ("cat", "dog"), splits, "0123", reasons)


def load(display: Display, monkeypatch, decodes: bool, loaded: Dataset | None = None) -> None:
    def load_dataset(data, image_shape, on_progress):
        if decodes:
            on_progress(1000, 3702)
            on_progress(3702, 3702)
        return loaded or dataset()

    monkeypatch.setattr(progress, "load_dataset", load_dataset)
    load_shown(DataConfig(folder="photos"), (1, 1, 1), display)


def test_the_data_are_one_line(monkeypatch):
    plain, text = console(terminal=False)
    load(Lines(plain), monkeypatch, decodes=False)
    line = "photos: 2 classes, 1,234 train, 1,234 validation, 1,234 test examples"
    assert text.getvalue() == f"{line}\n"
    load(Lines(plain), monkeypatch, decodes=False, loaded=dataset(skipped=3))
    assert text.getvalue().endswith(
        f"{line}; skipped 3 that cannot be read, see data in run.json\n"
    )


def test_classes_without_examples_to_train_on_are_named(monkeypatch):
    plain, text = console(terminal=False)
    loaded = replace(dataset(), class_names=("cat", "dog", "cow\x1b", "goat"))
    load(Lines(plain), monkeypatch, decodes=False, loaded=loaded)
    assert text.getvalue().endswith("examples; none to train on of cow\\x1b, goat\n")


def test_decoding_is_one_line_more_where_it_happens(monkeypatch):
    plain, text = console(terminal=False)
    load(Lines(plain), monkeypatch, decodes=True)
    first, second = text.getvalue().splitlines()
    assert first.startswith("decoded 3,702 images of photos in ")
    assert second.startswith("photos: ")


def test_a_terminal_shows_how_far_the_decoding_is():
    terminal, text = console(terminal=True)
    display = Bars(terminal)
    display.decode(1000, 3702)
    display.progress.refresh()
    assert "decoding" in text.getvalue()
    assert "1,000/3,702" in text.getvalue()
    display.stop()
    run_through(display)
    assert "decoding" not in text.getvalue().split("1,000/3,702")[-1], "the bar has gone"


def test_familiar_metrics_come_first_and_what_is_no_metric_not_at_all():
    assert metrics_text(ROW) == "loss 1.5000  accuracy 0.5000  val_loss 2.0000  f1 0.2500"


def test_without_a_terminal_an_epoch_is_one_plain_line():
    plain, text = console(terminal=False)
    display = display_for(plain)
    assert type(display) is Lines
    run_through(display)
    assert text.getvalue() == f"epoch  3/12  {metrics_text(ROW)}  4.6 s\n"


def test_a_long_line_is_not_broken():
    plain, text = console(terminal=False)
    display = Lines(plain)
    display.start(1, 1)
    display.epoch({**ROW, **{f"metric_{index}": 0.1 for index in range(20)}})
    assert text.getvalue().count("\n") == 1


def test_a_terminal_shows_epochs_steps_time_left_and_metrics():
    terminal, text = console(terminal=True)
    display = display_for(terminal)
    assert type(display) is Bars
    display.start(12, 10)
    display.step(3, 4, {"loss": 1.75, "accuracy": 0.4})
    display.progress.refresh()
    for shown in ("epochs", "steps", "4/10", "loss 1.7500  accuracy 0.4000", "--:--"):
        assert shown in text.getvalue()
    display.epoch(ROW)
    display.stop()
    assert f"epoch  3/12  {metrics_text(ROW)}" in text.getvalue()


def test_a_display_may_show_nothing():
    run_through(Display())
