"""The tables of `cnnzoo evaluate`, which fit a terminal; the files have all numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from cnnzoo.evaluation.confusion import Confusion
from cnnzoo.evaluation.metric_titles import interval_text, title_of
from cnnzoo.terminal.console import new_table
from cnnzoo.text import printable

MAX_CLASSES = 20
MAX_CONFUSIONS = 5
MAX_NAME = 28


def metrics_tables(measured: dict[str, Any]) -> Iterator[Table]:
    """Yield the figures with intervals, the figures per class, and the most frequent confusions."""
    yield figures_table(measured["metrics"])
    yield classes_table(measured["per_class"])
    if found := _confusions(measured):
        yield confusions_table(found)


def figures_table(figures: dict[str, Any]) -> Table:
    """Return a table with a figure per line and its 95 % interval."""
    table = _table("figure")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for name, figure in figures.items():
        value = "-" if figure["value"] is None else f"{figure['value']:.4f}"
        table.add_row(title_of(name).name, value, interval_text(figure, 4) or "-")
    return table


def classes_table(per_class: dict[str, Any]) -> Table:
    """Return a table with a class per line; of many classes those with the lowest F1."""
    table = _table("class")
    for heading in ("precision", "recall", "F1", "examples"):
        table.add_column(heading, justify="right")
    shown = list(per_class.items())
    if len(shown) > MAX_CLASSES:
        occurring = [item for item in shown if item[1]["support"]]
        shown = sorted(occurring, key=lambda item: item[1]["f1"])[:MAX_CLASSES]
        table.caption = f"the {len(shown)} lowest F1 of {len(per_class)} classes"
    for name, figures in shown:
        row = [f"{figures[key]:.3f}" for key in ("precision", "recall", "f1")]
        table.add_row(_name(name), *row, f"{figures['support']:,}")
    return table


def confusions_table(found: list[tuple[int, str, str, int]]) -> Table:
    """Return a table of the most frequent mistakes, with their share of the true class."""
    table = _table("truth")
    table.add_column("taken for", no_wrap=True)
    table.add_column("examples", justify="right")
    table.add_column("of its class", justify="right")
    for count, truth, prediction, support in found[:MAX_CONFUSIONS]:
        table.add_row(_name(truth), _name(prediction), f"{count:,}", f"{count / support:.1%}")
    rest = sum(count for count, *_ in found[MAX_CONFUSIONS:])
    if rest:
        table.caption = f"and {rest:,} other mistakes"
    return table


def binary_text(binary: dict[str, Any]) -> str:
    """Return the positive class and the figures at the tuned threshold."""
    positive = printable(binary["positive"])
    text = f"positive is {positive}; sensitivity and specificity are at threshold 0.5\n"
    tuned = binary["threshold"]
    if tuned["value"] is None:
        return f"{text}no threshold was tuned: {tuned['why']}"
    figures = ", ".join(
        f"{name} {figure['value']:.4f}"
        for name, figure in tuned["metrics"].items()
        if figure["value"] is not None
    )
    return f"{text}at {tuned['value']:.4f}, tuned on {tuned['tuned_on']}: {figures}"


def temperature_text(temperature: dict[str, Any]) -> str:
    """Return the effect of temperature scaling."""
    if temperature["value"] is None:
        return f"no temperature: {temperature['why']}"
    before, after = temperature["before"], temperature["after"]
    changes = ", ".join(
        f"{title} {before[name]:.4f} → {after[name]:.4f}"
        for name, title in (("loss", "loss"), ("ece", "ECE"), ("brier", "Brier"))
    )
    return f"temperature {temperature['value']:.3f}, fitted on validation:\n  {changes}"


def _confusions(measured: dict[str, Any]) -> list[tuple[int, str, str, int]]:
    """Return count, truth, prediction and support of each mistake, the most frequent first."""
    names = list(measured["per_class"])
    mistakes = Confusion.from_plain(measured["confusion"]).mistakes()
    return [(count, names[row], names[column], of) for row, column, count, of in mistakes]


def _table(first: str) -> Table:
    table = new_table()
    table.add_column(first, no_wrap=True)
    return table


def _name(name: str) -> Text:
    """Return a class name, shortened if it is long."""
    text = Text(printable(name))
    text.truncate(MAX_NAME, overflow="ellipsis")
    return text


def headline(measured: dict[str, Any]) -> str:
    """Return the main figures of a split in one line, the accuracy with its 95 % interval."""
    figures = measured["metrics"]
    values = {name: figure["value"] for name, figure in figures.items()}
    interval = interval_text(figures["accuracy"], 3)
    return (
        f"{measured['split']}{', with mirror images' if measured.get('flip') else ''}: "
        f"accuracy {values['accuracy']:.4f}"
        f"{f' ({interval})' if interval else ''}, loss {values['loss']:.4f}, "
        f"macro F1 {values['macro_f1']:.4f}, balanced accuracy "
        f"{values['balanced_accuracy']:.4f} on {measured['examples']:,} examples"
    )
