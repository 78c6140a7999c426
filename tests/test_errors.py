"""Mistakes as a person reads them."""

from __future__ import annotations

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
