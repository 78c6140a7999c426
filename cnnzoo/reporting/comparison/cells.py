"""Cells of the tables of a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from cnnzoo.architecture.alignment import Pair, Placed
from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.config.writer import to_flow
from cnnzoo.evaluation.compare.groups import Group
from cnnzoo.evaluation.metric_titles import interval_text
from cnnzoo.runs.run import Run
from cnnzoo.text import compact, duration_text, printable, shorten

MAX_NAME = 28  # letters


def run_row(group: Group, run_text: Callable[[Run | Path], str]) -> list[str]:
    """Return the letter, runs, parameters, MACs, training time and best epochs of a group."""
    architecture, records = group.first.architecture, [each.record for each in group.members]
    seconds = [each["seconds"] for each in records if each.get("seconds") is not None]
    best = [each["best_epoch"] for each in records if each.get("best_epoch")]
    time = duration_text(fmean(seconds)) if seconds else "-"
    if len(seconds) > 1:
        time += f" ± {duration_text(stdev(seconds))}"
    return [
        group.letter,
        printable(_runs(group, run_text)),
        f"{architecture.parameters:,}",
        compact(architecture.macs),
        time,
        ", ".join(map(str, best)) or "-",
    ]


def _runs(group: Group, run_text: Callable[[Run | Path], str]) -> str:
    """Return the runs as a shell would expand them: `runs/lenet/{1,2}`."""
    texts = [run_text(member.run) for member in group.members]
    parents, names = zip(*(text.rpartition("/")[::2] for text in texts), strict=True)
    if len(texts) == 1 or len(set(parents)) > 1:
        return ", ".join(texts)
    return f"{parents[0]}/{{{','.join(names)}}}"


def setting_text(values: Sequence[str]) -> str:
    """Return the values that the runs of a group have for one key."""
    return printable(", ".join(values)) or "-"


def layer_row(pair: Pair) -> list[str]:
    """Return the numbers of a layer before and after, its name, and its changes."""
    numbers = [f"{each.number}" if each else "" for each in (pair.before, pair.after)]
    placed = pair.after or pair.before
    assert placed
    name = "  " * len(placed.branches) + placed.layer.name
    if pair.before and pair.after:
        return [*numbers, name, "; ".join(_changes(pair.before, pair.after))]
    arguments = to_flow(placed.arguments()).strip("{}")
    parts = [arguments, shape_text(placed.layer.output_shape), _parameters(placed)]
    return [*numbers, name, f"{pair.kind}: {'; '.join(part for part in parts if part)}"]


def _changes(before: Placed, after: Placed) -> Iterator[str]:
    old, new = before.arguments(), after.arguments()
    for key in dict.fromkeys([*old, *new]):
        values = [to_flow(each[key]) if key in each else "default" for each in (old, new)]
        if values[0] != values[1]:
            yield f"{key} {values[0]} → {values[1]}"
    shapes = [shape_text(each.layer.output_shape) for each in (before, after)]
    if shapes[0] != shapes[1]:
        yield f"{shapes[0]} → {shapes[1]}"
    if before.layer.parameters != after.layer.parameters and not after.layer.branches:
        yield f"{before.layer.parameters:,} → {_parameters(after) or 'no parameters'}"


def _parameters(placed: Placed) -> str:
    return f"{placed.layer.parameters:,} parameters" if placed.layer.parameters else ""


def metric_text(metric: dict[str, Any] | None, below: bool) -> str:
    """Return `0.9710 (0.963 to 0.979)`; `below` puts the interval on a second line."""
    if not metric or metric["value"] is None:
        return "-"
    value, interval = f"{metric['value']:.4f}", interval_text(metric, 3)
    if "sd" in metric:
        spread = f"± {metric['sd']:.4f}"
    else:
        spread = f"({interval})" if interval and not below else interval
    return f"{value}{chr(10) if below else ' '}{spread}".rstrip()


def prediction_text(group: Group, row: int) -> str:
    """Return the prediction for an example and its probability; for several runs, their votes."""
    first = group.first.predictions
    if len(group.members) == 1:
        name = shorten(first.class_names[first.predicted[row]], MAX_NAME)
        return f"{name} {first.confidence[row]:.2f}"
    votes = Counter(
        first.class_names[member.predictions.predicted[row]] for member in group.members
    )
    return ", ".join(f"{shorten(name, MAX_NAME)} {count}x" for name, count in votes.most_common())


def count_text(value: float | None) -> str:
    """Return a number of examples; a mean has one decimal."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def p_text(value: float | None) -> str:
    """Return a p-value with three decimals."""
    if value is None:
        return "-"
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
