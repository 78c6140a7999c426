from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets import load as loading
from cnnzoo.datasets.dataset import Dataset, Examples
from cnnzoo.terminal.bars import Bars
from cnnzoo.terminal.display import display_for
from cnnzoo.terminal.lines import Lines, metrics_text
from cnnzoo.training.progress import Display, Progress, load_with_progress

PROGRESS = Progress(epochs=12, steps=10, images=1000, monitor="accuracy")
ROW = {
    "epoch": 3,
    "accuracy": 0.5,
    "f1": 0.25,
    "loss": 1.5,
    "val_loss": 2.0,
    "learning_rate": 0.1,
    "seconds": 4.56,
}


def console(terminal: bool, width: int = 100) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=terminal, width=width), text


def run_through(display: Display, progress: Progress = PROGRESS) -> None:
    display.start(progress)
    display.step(3, 4, {"loss": 1.75, "accuracy": 0.4})
    display.validate(0, 2)
    display.epoch(ROW, best=True)
    display.note("something to know")
    display.stop()


def dataset(skipped: int = 0) -> Dataset:
    examples = Examples(np.zeros((1234, 1, 1, 1), np.uint8), np.arange(1234, dtype=np.int32) % 2)
    splits = dict.fromkeys(("train", "validation", "test"), examples)
    reasons = {f"{index}.jpg": "is empty" for index in range(skipped)}
    return Dataset("photos", ("cat", "dog"), splits, "0123", reasons)


def load(display: Display, monkeypatch, decodes: bool, loaded: Dataset | None = None) -> None:
    def load_dataset(data, image_shape, on_progress, source, most_in_memory):
        if decodes:
            on_progress(1000, 3702)
            on_progress(3702, 3702)
        return loaded or dataset()

    monkeypatch.setattr(loading, "load_dataset", load_dataset)
    load_with_progress(DataConfig(folder="photos"), (1, 1, 1), display)


def test_the_data_are_one_line(monkeypatch):
    plain, text = console(terminal=False)
    load(Lines(plain), monkeypatch, decodes=False)
    line = "photos: 2 classes, 1,234 train, 1,234 validation, 1,234 test examples"
    assert text.getvalue() == f"{line}\n"
    load(Lines(plain), monkeypatch, decodes=False, loaded=dataset(skipped=3))
    assert text.getvalue().endswith(
        f"{line}; 3 unreadable skipped, listed under data in run.json\n"
    )


def test_classes_without_examples_to_train_on_are_named(monkeypatch):
    plain, text = console(terminal=False)
    loaded = replace(dataset(), class_names=("cat", "dog", "cow\x1b", "goat"))
    load(Lines(plain), monkeypatch, decodes=False, loaded=loaded)
    assert text.getvalue().endswith("examples; no training examples of cow\\x1b, goat\n")


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
    line = rf"epoch  3/12  {metrics_text(ROW)}  0\.\d s  [\d,]+ images/s  best\nsomething to know\n"
    assert re.fullmatch(line, text.getvalue())


def test_an_epoch_without_a_step_of_its_own_has_no_rate():
    """A training that goes on where only the validation was left."""
    plain, text = console(terminal=False)
    display = Lines(plain)
    display.start(replace(PROGRESS, epoch=3, step=10))
    display.epoch(ROW)
    assert "images/s" not in text.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_resumed_training_says_where_it_goes_on(terminal):
    shown, text = console(terminal)
    display = display_for(shown)
    display.start(replace(PROGRESS, epoch=3, step=4, best=(2, 0.75)))
    display.stop()
    line = "resumes in epoch 3 of 12 after step 4 of 10; best so far: epoch 2, accuracy 0.7500"
    assert line in text.getvalue()


def test_a_long_line_is_not_broken():
    plain, text = console(terminal=False)
    display = Lines(plain)
    display.start(PROGRESS)
    display.epoch({**ROW, **{f"metric_{index}": 0.1 for index in range(20)}})
    assert text.getvalue().count("\n") == 1


def test_a_terminal_shows_what_runs_and_what_was_reached():
    terminal, text = console(terminal=True)
    display = display_for(terminal)
    assert type(display) is Bars
    display.start(PROGRESS)
    for step in range(1, 5):
        display.step(1, step, {"loss": 1.75, "accuracy": 0.4})
        display.drawn = 0.0
    display.progress.refresh()
    for shown in ("epoch", "1/12", "4/10", "images/s  loss 1.7500  accuracy 0.4000", " left"):
        assert shown in text.getvalue()
    display.validate(1, 2)
    display.progress.refresh()
    assert re.search("validation .*1/2", text.getvalue())
    display.epoch(ROW, best=True)
    display.progress.refresh()
    assert "best so far: epoch 3, accuracy 0.5000" in text.getvalue()
    display.stop()


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width):
    """What was printed for good; the bars are cut by rich itself."""
    terminal, text = console(terminal=True, width=width)
    display = Bars(terminal)
    display.start(PROGRESS)
    rows = [{**ROW, "epoch": epoch, "a_metric_with_a_long_name": 0.5} for epoch in (1, 2, 12)]
    for row in rows:
        display.epoch(row, best=True)
    display.stop()
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line) for line in text.getvalue().split("\n")]
    table = [line.rpartition("\r")[2].rstrip() for line in lines if "best" in line]
    table = [line for line in table if re.match(r" +\d+/12", line)]
    assert len(table) == 3
    assert all(len(line) <= width for line in table)
    assert len({len(line) for line in table}) == 1, "the columns stand below each other"
    assert all("0.5000" in line for line in table), "the monitored metric is among them"


def test_a_display_may_show_nothing():
    run_through(Display())
