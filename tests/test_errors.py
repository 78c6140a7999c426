"""Mistakes as a person reads them."""

from __future__ import annotations

from io import StringIO

import pytest

from cnnzoo.errors import (
    CnnzooError,
    ConfigError,
    DataError,
    DeviceError,
    Mistake,
    Place,
    RunError,
    TrainingError,
    UserError,
    did_you_mean,
    nearest,
    supports_color,
)


def test_a_place_is_what_editors_parse():
    assert str(Place("a.yaml", 3, 7)) == "a.yaml:3:7"
    assert str(Place("training.epochs=3", 0, 0)) == "training.epochs=3"


def test_a_mistake_says_what_where_and_how_to_go_on():
    place = Place("a.yaml", 3, 7, Place("a.yaml", 9, 5, Place("a.yaml", 20, 1)))
    mistake = Mistake("it does not fit", place, "make it smaller", ("one", "two"))
    assert str(mistake) == (
        "a.yaml:3:7: error: it does not fit\n"
        "   used at a.yaml:9:5\n"
        "   used at a.yaml:20:1\n"
        "   one\n"
        "   two\n"
        "   hint: make it smaller"
    )
    assert str(Mistake("it is wrong")) == "error: it is wrong"


def test_a_mistake_holds_nothing_that_a_terminal_would_obey():
    mistake = Mistake("no \x1b[31m", Place("a\nb.yaml", 1, 1), "\x07 ü", ("\x9b",))
    assert str(mistake) == ("a\\nb.yaml:1:1: error: no \\x1b[31m\n   \\x9b\n   hint: \\x07 ü")


def test_labels_are_colored_and_only_labels():
    mistake = Mistake("error: hint: \x1b[0m", Place("a.yaml", 3, 7), "do this", ("one",))
    assert mistake.text(color=True) == (
        "\x1b[1ma.yaml:3:7:\x1b[0m \x1b[1;31merror:\x1b[0m error: hint: \\x1b[0m\n"
        "   one\n"
        "   \x1b[36mhint:\x1b[0m do this"
    )
    assert str(mistake) == mistake.text()
    assert CnnzooError.of([mistake, mistake]).text(color=True).count("\x1b[1;31merror:") == 2


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_only_a_terminal_without_no_color_gets_color(monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert supports_color(Terminal())
    assert not supports_color(StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not supports_color(Terminal())
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert not supports_color(Terminal())


def test_an_error_carries_its_mistakes():
    first, second = Mistake("one"), Mistake("two", Place("a", 1, 2))
    error = ConfigError.of(iter([first, second]))
    assert isinstance(error, ConfigError)
    assert error.mistakes == (first, second)
    assert str(error) == "error: one\na:1:2: error: two"
    assert ConfigError("one", place=Place("a", 1, 2), hint="h").mistakes == (
        Mistake("one", Place("a", 1, 2), "h"),
    )


@pytest.mark.parametrize("kind", [UserError, ConfigError, DataError, RunError, DeviceError])
def test_what_a_user_can_mend_ends_with_2(kind):
    assert kind.exit_code == 2
    assert issubclass(kind, CnnzooError)


def test_what_failed_ends_with_1():
    assert TrainingError.exit_code == CnnzooError.exit_code == 1


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("filtres", ["filters", "kernel_size"], "filters"),
        ("CONV2D", ["Conv1D", "Conv2D"], "Conv2D"),
        ("Adma", ["Adam", "Adamax", "adam"], "Adam"),  # two letters swapped
        ("relu", ["relu", "ReLU"], "relu"),  # the first of those that differ in case
        ("xyz", ["filters"], None),
        ("", ["filters"], None),
        ("a", [], None),
    ],
)
def test_nearest(word, known, meant):
    assert nearest(word, known) == meant
    assert did_you_mean(word, known) == (f"; did you mean {meant!r}?" if meant else "")
