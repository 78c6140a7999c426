"""What is printed of a comparison of runs: a few tables, each with what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cnnzoo.evaluation.compare.compare import Comparison
from cnnzoo.evaluation.compare.contrasts import MCNEMAR, WELCH, ClassChange, Contrast
from cnnzoo.evaluation.compare.groups import Group
from cnnzoo.evaluation.compare.significance import RESAMPLES
from cnnzoo.runs.listing import short_keys
from cnnzoo.terminal.comparison_cells import (
    count_text,
    figure_text,
    layer_row,
    p_text,
    run_row,
    said_text,
    setting_text,
)
from cnnzoo.terminal.metrics_tables import MAX_NAME, TITLES
from cnnzoo.text import counted, printable, shorten

MAX_LAYERS = 30
MAX_CLASSES = 10
MAX_EXAMPLES = 10
SIGNIFICANT = 0.05
_ABREAST = 3  # groups that fit beside each other in 80 letters


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of text under headings, and what is said below them.

    The columns `right` are of numbers, and the lines of `whole` ones are never broken.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    right: Sequence[str] = ()
    whole: Sequence[str] = ()


def sheets(comparison: Comparison) -> Iterator[Sheet]:
    """The runs, their settings, layers, figures, differences, classes and disagreements."""
    yield runs_sheet(comparison)
    yield from settings_sheets(comparison)
    for contrast in comparison.contrasts:
        yield layers_sheet(comparison.baseline, contrast)
    yield from figures_sheets(comparison)
    if comparison.contrasts:
        yield differences_sheet(comparison)
    for contrast in comparison.contrasts:
        yield classes_sheet(comparison.baseline, contrast)
    if len(comparison.paired) > 1:
        yield from disagreements_sheets(comparison)


def runs_sheet(comparison: Comparison) -> Sheet:
    """A line for each group: what it costs, and when it was best."""
    headings = ("", "run", "parameters", "MACs", "time", "best epoch")
    notes = []
    if comparison.machines_differ:
        notes.append("trained on different machines: their times say little of each other")
    if not comparison.contrasts:
        notes.append(
            "these runs differ in their seed only, so they are one line; --each compares them"
        )
    rows = [run_row(group) for group in comparison.groups]
    return Sheet(headings, rows, notes, headings[2:], ("", *headings[2:]))


def settings_sheets(comparison: Comparison) -> Iterator[Sheet]:
    """The values of the configurations that are not the same."""
    if not comparison.contrasts:
        return
    if not comparison.settings:
        yield Sheet((), (), ("settings other than the layers: the same",))
        return
    known = {key for group in comparison.groups for key in group.first.config}
    short = short_keys(comparison.settings, known | set(comparison.settings))
    for start, groups in _abreast(comparison.groups):
        rows = [
            [
                printable(short[key]),
                *(setting_text(value) for value in values[start:][: len(groups)]),
            ]
            for key, values in comparison.settings.items()
        ]
        yield Sheet(("setting", *_letters(groups)), rows)


def layers_sheet(baseline: Group, contrast: Contrast) -> Sheet:
    """The layers that are not the same, with their numbers in both."""
    group = contrast.group
    changed = [pair for pair in contrast.layers if pair.kind != "equal"]
    if not changed:
        return Sheet((), (), (f"layers of {baseline.letter} and {group.letter}: the same",))
    headings = (baseline.letter, group.letter, "layer", "what differs")
    rows = [layer_row(pair) for pair in changed[:MAX_LAYERS]]
    equal = len(contrast.layers) - len(changed)
    letters = f"{baseline.letter} and {group.letter}"
    notes = [f"{counted(equal, 'layer is', 'layers are')} the same in {letters}"]
    if len(changed) > MAX_LAYERS:
        rest = len(changed) - MAX_LAYERS
        notes.insert(0, f"and {rest:,} more differ; --format json has them all")
    return Sheet(headings, rows, notes, headings[:2], headings[:3])


def figures_sheets(comparison: Comparison) -> Iterator[Sheet]:
    """The figures side by side, each with its interval or its spread."""
    several = len(comparison.groups) > 2
    sizes, notes = [len(group.members) for group in comparison.groups], []
    if 1 in sizes:
        notes.append("single runs: 95 % interval over the examples")
    if max(sizes) > 1:
        notes.append("several seeds: mean ± standard deviation of the runs")
    for start, groups in _abreast(comparison.groups):
        rows = [
            [TITLES.get(name, name), *(figure_text(each, several) for each in chosen)]
            for name, values in comparison.figures.items()
            if any(chosen := values[start : start + len(groups)])
        ]
        last = start + len(groups) == len(comparison.groups)
        letters = _letters(groups)
        heading = f"figure ({comparison.split})"
        yield Sheet((heading, *letters), rows, notes if last else (), letters, letters)


def differences_sheet(comparison: Comparison) -> Sheet:
    """What each group gains in accuracy, and whether that may be chance."""
    baseline, contrasts = comparison.baseline.letter, comparison.contrasts
    headings = ["accuracy", "change", "95 % interval", "lost", "gained", "p", "Holm"]
    rows = [_difference_row(baseline, contrast) for contrast in contrasts]
    if sum(contrast.p is not None for contrast in contrasts) < 2:
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    notes = [_verdict(baseline, contrast) for contrast in contrasts]
    notes += _explanations(comparison)
    return Sheet(headings, rows, notes, headings[1:], headings[1:])


def classes_sheet(baseline: Group, contrast: Contrast) -> Sheet:
    """The classes whose recall changed most."""
    letters = (baseline.letter, contrast.group.letter)
    moved = [change for change in contrast.classes if _moved(change)]
    if not moved:
        return Sheet((), (), (f"recall of each class in {' and '.join(letters)}: the same",))
    shown = sorted(moved, key=lambda change: -abs(_gain(change)))[:MAX_CLASSES]
    headings = [f"recall, {letters[0]} → {letters[1]}", "examples", *letters, "change"]
    if contrast.unpaired is None:
        headings += ["lost", "gained"]
    rows = [_class_row(change, contrast.unpaired is None) for change in shown]
    rest = len(moved) - len(shown)
    notes = [f"and {rest:,} classes that changed less"] if rest else []
    if same := len(contrast.classes) - len(moved):
        notes.append(f"the recall of {counted(same, 'class', 'classes')} did not change")
    return Sheet(headings, rows, notes, headings[1:], headings[1:])


def disagreements_sheets(comparison: Comparison) -> Iterator[Sheet]:
    """The first examples on which they disagree, the greatest changes before the others."""
    said = comparison.baseline.first.predictions
    found = comparison.disagreements
    count, total = len(found), len(said)
    letters = ", ".join(group.letter for group in comparison.paired)
    notes = [f"{letters} disagree on {count:,} of {total:,} examples"]
    if count > MAX_EXAMPLES:
        notes.append(
            f"shown are the {MAX_EXAMPLES} whose truth gained or lost most probability; "
            "--disagreements FILE has all"
        )
    if not count:
        yield Sheet((), (), notes)
        return
    for start, groups in _abreast(comparison.paired):
        rows = [
            [
                shorten(said.names[row], MAX_NAME, "end"),
                shorten(said.class_names[said.labels[row]], MAX_NAME),
                *(said_text(group, row) for group in groups),
            ]
            for row in found[:MAX_EXAMPLES].tolist()
        ]
        last = start + len(groups) == len(comparison.paired)
        yield Sheet(("example", "truth", *_letters(groups)), rows, notes if last else ())


def _abreast(groups: Sequence[Group]) -> Iterator[tuple[int, Sequence[Group]]]:
    return ((start, groups[start : start + _ABREAST]) for start in range(0, len(groups), _ABREAST))


def _letters(groups: Sequence[Group]) -> list[str]:
    return [group.letter for group in groups]


def _difference_row(baseline: str, contrast: Contrast) -> list[str]:
    difference = contrast.difference
    interval = "-"
    if difference["low"] is not None:
        interval = f"{difference['low']:+.3f} to {difference['high']:+.3f}"
    return [
        f"{contrast.group.letter} - {baseline}",
        f"{difference['value']:+.4f}",
        interval,
        count_text(contrast.lost),
        count_text(contrast.gained),
        p_text(contrast.p),
        p_text(contrast.adjusted),
    ]


def _verdict(baseline: str, contrast: Contrast) -> str:
    letter, p = contrast.group.letter, contrast.adjusted
    if contrast.unpaired:
        return (
            f"{letter} and {baseline} saw different examples, and are not compared one by one: "
            + printable(contrast.unpaired)
        )
    if p is None:
        return f"{letter} and {baseline} are not tested: {contrast.untested}"
    if p >= SIGNIFICANT:
        return f"the difference of {letter} and {baseline} may be chance ({contrast.test})"
    better = "more" if contrast.difference["value"] > 0 else "less"
    return f"{letter} is {better} accurate than {baseline} ({contrast.test})"


def _explanations(comparison: Comparison) -> Iterator[str]:
    """What the columns of the differences mean, as far as they are used."""
    baseline, tests = comparison.baseline.letter, {each.test for each in comparison.contrasts}
    if len(comparison.paired) > 1:
        yield f"lost: examples that only {baseline} has right; gained: that only the other has"
    yield f"intervals: of these networks, bootstrap over the examples ({RESAMPLES:,} resamples)"
    if MCNEMAR in tests:
        yield "McNemar: of these networks; trained with another seed they may differ otherwise"
    if WELCH in tests:
        yield "Welch: of the accuracies of the seeds, on these examples"
    if sum(contrast.p is not None for contrast in comparison.contrasts) > 1:
        yield "Holm: p adjusted for there being several comparisons"


def _moved(change: ClassChange) -> bool:
    return bool(_gain(change) or change.lost or change.gained)


def _gain(change: ClassChange) -> float:
    before, after = change.recall
    return 0.0 if before is None or after is None else after - before


def _class_row(change: ClassChange, paired: bool) -> list[str]:
    before, after = (f"{recall:.3f}" if recall is not None else "-" for recall in change.recall)
    counts = [f"{count:,}" for count in dict.fromkeys(change.examples)]
    row = [
        shorten(change.name, MAX_NAME),
        " / ".join(counts),
        before,
        after,
        f"{_gain(change):+.3f}",
    ]
    return [*row, count_text(change.lost), count_text(change.gained)] if paired else row
