"""A comparison of runs as tables of text, which the terminal, Markdown and the page render."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnzoo.evaluation.compare.compare import Comparison
from cnnzoo.evaluation.compare.contrasts import MCNEMAR, WELCH, ClassChange, Contrast
from cnnzoo.evaluation.compare.groups import Group
from cnnzoo.evaluation.compare.significance import RESAMPLES
from cnnzoo.evaluation.metric_titles import title_of
from cnnzoo.reporting.comparison.cells import (
    MAX_NAME,
    count_text,
    layer_row,
    metric_text,
    p_text,
    prediction_text,
    run_row,
    setting_text,
)
from cnnzoo.runs.listing import short_keys
from cnnzoo.runs.run import Run
from cnnzoo.text import counted, printable, shorten

MAX_LAYERS = 30
MAX_CLASSES = 10
MAX_EXAMPLES = 10
SIGNIFICANT = 0.05
_GROUPS_PER_TABLE = 3  # fit side by side in 80 letters


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings, and notes below them; a table may have notes only.

    `right` names the columns that are aligned to the right, `whole` those that are not wrapped.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    right: Sequence[str] = ()
    whole: Sequence[str] = ()


def comparison_tables(
    comparison: Comparison, run_text: Callable[[Run | Path], str] = str
) -> Iterator[Table]:
    """Yield runs, metrics, significance, settings, layers, classes and disagreements.

    `run_text` gives the name of a run, by default its path.
    """
    yield runs_table(comparison, run_text)
    yield from metrics_tables(comparison)
    if comparison.contrasts:
        yield significance_table(comparison)
    yield from settings_tables(comparison)
    for contrast in comparison.contrasts:
        yield layers_table(comparison.baseline, contrast)
    for contrast in comparison.contrasts:
        yield classes_table(comparison.baseline, contrast)
    if len(comparison.paired) > 1:
        yield from disagreements_tables(comparison)


def runs_table(comparison: Comparison, run_text: Callable[[Run | Path], str] = str) -> Table:
    """Return one row per group: its runs, cost, training time and best epochs."""
    headings = ("", "run", "parameters", "MACs", "time", "best epoch")
    notes = []
    if comparison.machines_differ:
        notes.append("trained on different machines: their times are not comparable")
    if not comparison.contrasts:
        notes.append(
            "these runs differ only in the seed, so they are one row; --each compares them"
        )
    rows = [run_row(group, run_text) for group in comparison.groups]
    return Table(headings, rows, notes, headings[2:], ("", *headings[2:]))


def metrics_tables(comparison: Comparison) -> Iterator[Table]:
    """Yield the metrics of the groups side by side, each with its interval or its spread."""
    several = len(comparison.groups) > 2
    sizes, notes = [len(group.members) for group in comparison.groups], []
    if 1 in sizes:
        notes.append("single runs: 95 % interval over the examples")
    if max(sizes) > 1:
        notes.append("several seeds: mean ± standard deviation of the runs")
    for start, groups in _slices(comparison.groups):
        rows = [
            [title_of(name).name, *(metric_text(each, several) for each in chosen)]
            for name, values in comparison.metrics.items()
            if any(chosen := values[start : start + len(groups)])
        ]
        last = start + len(groups) == len(comparison.groups)
        letters = _letters(groups)
        heading = f"metric ({comparison.split})"
        yield Table((heading, *letters), rows, notes if last else (), letters, letters)


def significance_table(comparison: Comparison) -> Table:
    """Return the difference in accuracy of each group from the baseline, and its p-value."""
    baseline, contrasts = comparison.baseline.letter, comparison.contrasts
    headings = ["accuracy", "change", "95 % interval", "lost", "gained", "p", "Holm"]
    rows = [_difference_row(baseline, contrast) for contrast in contrasts]
    if sum(contrast.p is not None for contrast in contrasts) < 2:
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    notes = [_verdict(baseline, contrast) for contrast in contrasts]
    notes += _legend(comparison)
    return Table(headings, rows, notes, headings[1:], headings[1:])


def settings_tables(comparison: Comparison) -> Iterator[Table]:
    """Yield the settings that differ between the configurations."""
    if not comparison.contrasts:
        return
    if not comparison.settings:
        yield Table((), (), ("settings other than the layers: the same",))
        return
    known = {key for group in comparison.groups for key in group.first.config}
    short = short_keys(comparison.settings, known | set(comparison.settings))
    for start, groups in _slices(comparison.groups):
        rows = [
            [
                printable(short[key]),
                *(setting_text(value) for value in values[start:][: len(groups)]),
            ]
            for key, values in comparison.settings.items()
        ]
        yield Table(("setting", *_letters(groups)), rows)


def layers_table(baseline: Group, contrast: Contrast) -> Table:
    """Return the layers that differ, with their numbers in both networks."""
    letters = (baseline.letter, contrast.group.letter)
    changed = [pair for pair in contrast.layers if pair.kind != "equal"]
    if not changed:
        return Table((), (), (f"layers of {' and '.join(letters)}: the same",))
    headings = (*letters, "layer", "difference")
    rows = [layer_row(pair) for pair in changed[:MAX_LAYERS]]
    equal = len(contrast.layers) - len(changed)
    notes = [
        f"{counted(equal, 'layer is', 'layers are')} the same in {' and '.join(letters)}",
    ]
    if len(changed) > MAX_LAYERS:
        rest = len(changed) - MAX_LAYERS
        notes.insert(0, f"{rest:,} more layers differ; --format json lists all of them")
    return Table(headings, rows, notes, headings[:2], headings[:3])


def classes_table(baseline: Group, contrast: Contrast) -> Table:
    """Return the classes whose recall changed most."""
    letters = (baseline.letter, contrast.group.letter)
    moved = [change for change in contrast.classes if _changed(change)]
    if not moved:
        return Table((), (), (f"recall of each class in {' and '.join(letters)}: the same",))
    shown = sorted(moved, key=lambda change: -abs(_gain(change)))[:MAX_CLASSES]
    headings = [f"recall, {letters[0]} → {letters[1]}", "examples", *letters, "change"]
    if contrast.unpaired is None:
        headings += ["lost", "gained"]
    rows = [_class_row(change, contrast.unpaired is None) for change in shown]
    rest = len(moved) - len(shown)
    notes = [f"{counted(rest, 'more class', 'more classes')} changed less"] if rest else []
    if same := len(contrast.classes) - len(moved):
        notes.append(f"the recall of {counted(same, 'class', 'classes')} did not change")
    return Table(headings, rows, notes, headings[1:], headings[1:])


def disagreements_tables(comparison: Comparison) -> Iterator[Table]:
    """Yield the first examples on which the runs disagree, the largest change first."""
    predictions = comparison.baseline.first.predictions
    found = comparison.disagreements
    count, total = len(found), len(predictions)
    letters = ", ".join(group.letter for group in comparison.paired)
    notes = [f"{letters} disagree on {count:,} of {total:,} examples"]
    if count > MAX_EXAMPLES:
        notes.append(
            f"shown are the {MAX_EXAMPLES} with the largest change in the probability of the true "
            "class; --disagreements FILE writes all of them"
        )
    if not count:
        yield Table((), (), notes)
        return
    for start, groups in _slices(comparison.paired):
        rows = [
            [
                shorten(predictions.names[row], MAX_NAME, "end"),
                shorten(predictions.class_names[predictions.labels[row]], MAX_NAME),
                *(prediction_text(group, row) for group in groups),
            ]
            for row in found[:MAX_EXAMPLES].tolist()
        ]
        last = start + len(groups) == len(comparison.paired)
        yield Table(("example", "truth", *_letters(groups)), rows, notes if last else ())


def _slices(groups: Sequence[Group]) -> Iterator[tuple[int, Sequence[Group]]]:
    step = _GROUPS_PER_TABLE
    return ((start, groups[start : start + step]) for start in range(0, len(groups), step))


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
            f"{letter} and {baseline} were measured on different examples and are not compared one "
            "by one: " + printable(contrast.unpaired)
        )
    if p is None:
        return f"{letter} and {baseline} are not tested: {contrast.untested}"
    if p >= SIGNIFICANT:
        return f"the difference of {letter} and {baseline} may be chance ({contrast.test})"
    better = "more" if contrast.difference["value"] > 0 else "less"
    return f"{letter} is {better} accurate than {baseline} ({contrast.test})"


def _legend(comparison: Comparison) -> Iterator[str]:
    """Yield the meaning of the columns that are used."""
    baseline, tests = comparison.baseline.letter, {each.test for each in comparison.contrasts}
    if len(comparison.paired) > 1:
        yield (
            f"lost: examples that only {baseline} classifies correctly; gained: those that only "
            "the other run does"
        )
    yield f"interval: bootstrap over the examples ({RESAMPLES:,} resamples), for these networks"
    if MCNEMAR in tests:
        yield "McNemar's test is for these networks; another seed may give another difference"
    if WELCH in tests:
        yield "Welch's test compares the accuracies of the seeds on these examples"
    if sum(contrast.p is not None for contrast in comparison.contrasts) > 1:
        yield "Holm: p adjusted for several comparisons"


def _changed(change: ClassChange) -> bool:
    return bool(_gain(change) or change.lost or change.gained)


def _gain(change: ClassChange) -> float:
    before, after = change.recall
    return 0.0 if before is None or after is None else after - before


def _class_row(change: ClassChange, paired: bool) -> list[str]:
    before, after = (f"{recall:.3f}" if recall is not None else "-" for recall in change.recall)
    counts = [f"{count:,}" for count in dict.fromkeys(change.examples)]
    name = shorten(change.name, MAX_NAME)
    row = [name, " / ".join(counts), before, after, f"{_gain(change):+.3f}"]
    return [*row, count_text(change.lost), count_text(change.gained)] if paired else row
