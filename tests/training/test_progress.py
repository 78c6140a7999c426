from __future__ import annotations

import io

from rich.console import Console

from cnnzoo.training.progress import Bars, Display, Lines, display_for, metrics_text

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
