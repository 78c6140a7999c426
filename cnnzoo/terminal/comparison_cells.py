"""What stands in the cells of a comparison of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean, stdev
from typing import Any

from cnnzoo.architecture.alignment import Pair, Placed
from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.config.writer import to_flow
from cnnzoo.evaluation.compare.groups import Group
from cnnzoo.terminal.metrics_tables import MAX_NAME, interval_text
from cnnzoo.terminal.zoo_table import compact
from cnnzoo.text import duration_text, printable, shorten


def run_row(group: Group) -> list[str]:
    """Letter, runs, parameters, MACs, training time and best epochs of a group."""
    architecture, records = group.first.architecture, [each.record for each in group.members]
    seconds = [each["seconds"] for each in records if each.get("seconds") is not None]
    best = [each["best_epoch"] for each in records if each.get("best_epoch")]
    time = duration_text(fmean(seconds)) if seconds else "-"
    if len(seconds) > 1:
        time += f" ± {duration_text(stdev(seconds))}"
    return [
        group.letter,
        printable(_paths(group)),
        f"{architecture.parameters:,}",
        compact(architecture.macs),
        time,
        ", ".join(map(str, best)) or "-",
    ]


def _paths(group: Group) -> str:
    """The runs as a shell would take them: `runs/lenet/{1,2}`."""
    parents = {member.run.path.parent for member in group.members}
    if len(group.members) == 1 or len(parents) > 1:
        return ", ".join(str(member.run) for member in group.members)
    return f"{parents.pop()}/{{{','.join(member.run.path.name for member in group.members)}}}"


def setting_text(values: Sequence[str]) -> str:
    """The values that the runs of a group have for one key."""
    return printable(", ".join(values)) or "-"


def layer_row(pair: Pair) -> list[str]:
    """The numbers of a layer before and after, its name, and what became of it."""
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


def figure_text(each: dict[str, Any] | None, below: bool) -> str:
    """`0.9710 (0.963 to 0.979)`, the interval on a line of its own where there is less room."""
    if not each or each["value"] is None:
        return "-"
    value, interval = f"{each['value']:.4f}", interval_text(each, 3)
    if "sd" in each:
        spread = f"± {each['sd']:.4f}"
    else:
        spread = f"({interval})" if interval and not below else interval
    return f"{value}{chr(10) if below else ' '}{spread}".rstrip()


def said_text(group: Group, row: int) -> str:
    """What a run says and how sure it is, or how many of several runs say what."""
    names = group.first.predictions.class_names
    if len(group.members) == 1:
        probabilities = group.first.predictions.probabilities[row]
        return f"{_name(names[probabilities.argmax()])} {probabilities.max():.2f}"
    votes = Counter(
        names[member.predictions.probabilities[row].argmax()] for member in group.members
    )
    return ", ".join(f"{_name(name)} {count}x" for name, count in votes.most_common())


def count_text(value: float | None) -> str:
    """A number of examples, a mean with one digit behind the point."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def p_text(value: float | None) -> str:
    """A p-value in three digits."""
    if value is None:
        return "-"
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _name(name: str) -> str:
    return shorten(name, MAX_NAME)
