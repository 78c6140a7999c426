"""Sentences about the metrics of a run, for the page and the card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnzoo.config.schema import Config
from cnnzoo.evaluation.confusion import Confusion
from cnnzoo.evaluation.intervals import wilson
from cnnzoo.text import listed

FEW = 10  # smaller counts vary much by chance
CLEAR_RISE = 1.1  # of a loss above its lowest value


@dataclass(frozen=True, slots=True)
class Answer:
    """A short answer, the numbers that it is based on, and further details."""

    short: str
    text: str
    more: str = ""


def percent(value: float) -> str:
    """Return `97.3 %`; only 1 is shown as 100 %, and only 0 as 0 %."""
    text = f"{100 * value:.1f}"
    if text == "100.0":
        return "100 %" if value >= 1 else ">99.9 %"
    if text == "0.0":
        return "0 %" if value <= 0 else "<0.1 %"
    return f"{text} %"


def pairs(measured: Mapping[str, Any]) -> list[tuple[str, str, int, int]]:
    """Return truth, prediction, count and support of each mistake, the most frequent first."""
    names = list(measured["per_class"])
    mistakes = Confusion.from_plain(measured["confusion"]).mistakes()
    return [(names[row], names[column], count, of) for row, column, count, of in mistakes]


def confused(measured: Mapping[str, Any]) -> Answer:
    """Return the classes that are confused most."""
    found = pairs(measured)
    wrong, examples = sum(count for _, _, count, _ in found), measured["examples"]
    if not found:
        return Answer(
            "None", f"All {examples:,} {measured['split']} examples are classified correctly."
        )
    names = list(measured["per_class"])
    said = Confusion.from_plain(measured["confusion"]).predictions() > 0
    if said.sum() == 1:
        only = names[said.argmax()]
        text = f"Every {measured['split']} example is predicted as {only}; {wrong:,} are wrong."
        return Answer(f"All are predicted as {only}", text)
    both: dict[frozenset[str], int] = {}
    for truth, prediction, count, _ in found:
        key = frozenset((truth, prediction))
        both[key] = both.get(key, 0) + count
    most = max(both.values())
    named = [" and ".join(sorted(key)) for key, count in both.items() if count == most]
    few = len(named) <= 3
    text = f"{wrong:,} of {examples:,} {measured['split']} examples are wrong."
    if few:
        times = "once" if most == 1 else f"{most:,} times"
        text += f" {'; '.join(named)} are confused {times}"
        text += " each" if len(named) > 1 else ""
        text += ", more often than any other pair." if len(named) == 1 < len(both) else "."
    more = []
    if frequent := [_pair_text(pair) for pair in found[:4] if pair[2] > 1]:
        more.append(f"Most frequent: {', '.join(frequent)}.")
    never = [name for name, once in zip(names, said, strict=True) if not once]
    if never:
        more.append(f"Never predicted: {listed(never, 8)}.")
    if most < FEW:
        more.append("With counts this small, the order is partly chance.")
    short = "; ".join(named) if few else f"{len(named)} pairs equally often"
    return Answer(short, text, " ".join(more))


def weakest(measured: Mapping[str, Any]) -> str:
    """Return a sentence on the class with the lowest recall."""
    present = {name: each for name, each in measured["per_class"].items() if each["support"]}
    name, figures = min(present.items(), key=lambda item: item[1]["recall"])
    best = max(each["recall"] for each in present.values())
    if figures["recall"] == best:
        return f"Every class has the same recall, {percent(best)}."
    hits = round(figures["recall"] * figures["support"])
    low, high = wilson(hits, figures["support"])
    return (
        f"The lowest recall is that of {name}: {percent(figures['recall'])} of its "
        f"{figures['support']:,} examples (95 % interval {percent(low or 0)} to "
        f"{percent(high or 0)})."
    )


def overfitting(
    history: Sequence[Mapping[str, float]], best_epoch: int | None, held_out: int, config: Config
) -> Answer:
    """Compare training and validation at the best epoch to detect overfitting."""
    rows = [row for row in history if "val_loss" in row]
    if not rows or not best_epoch or best_epoch > len(history):
        return Answer("Not measured", "No validation metrics were recorded during training.")
    best = history[best_epoch - 1]
    said, verdict = "", "No evidence of it"
    if "accuracy" in best and "val_accuracy" in best:
        train, held = best["accuracy"], best["val_accuracy"]
        low, high = wilson(round(held * held_out), held_out)
        said = (
            f"At the best epoch ({best_epoch}), {percent(train)} of the training examples were "
            f"correct and {percent(held)} of the {held_out:,} validation examples (95 % interval "
            f"{percent(low or 0)} to {percent(high or 0)}): "
        )
        gap = f"{100 * abs(train - held):.1f} points"
        if high is not None and train > high:
            verdict = f"Yes, by {gap}"
            said += f"training is {gap} better, more than chance explains."
        elif low is not None and train < low:
            said += f"training is {gap} worse."
        else:
            said += "the difference is within the uncertainty."
    if _rising(rows) and not verdict.startswith("Yes"):
        verdict = "Yes, the loss rises"
    loss = _loss_text(rows)
    return Answer(verdict, said or loss, " ".join([loss if said else "", _caveat(config)]).strip())


def calibrated(measured: Mapping[str, Any]) -> Answer:
    """Compare the mean probability with the accuracy to judge the calibration."""
    filled = [each for each in measured["calibration"]["bins"] if each["count"]]
    count = sum(each["count"] for each in filled)
    sure = sum(each["count"] * each["confidence"] for each in filled) / count
    accuracy = measured["metrics"]["accuracy"]
    error = measured["metrics"]["ece"]["value"]
    text = (
        f"The mean probability is {percent(sure)} and the accuracy "
        f"{percent(accuracy['value'])}; the calibration error (ECE, 15 bins) is {error:.3f}. "
    )
    if sure > accuracy["high"]:
        return Answer("No, overconfident", text + "The probabilities are too high.")
    if sure < accuracy["low"]:
        return Answer("No, underconfident", text + "The probabilities are too low.")
    return Answer("On average, yes", text + "The difference is within the uncertainty.")


def _pair_text(pair: tuple[str, str, int, int]) -> str:
    truth, prediction, count, support = pair
    return f"{truth} predicted as {prediction} ({count:,} of {support:,})"


def _loss_text(rows: Sequence[Mapping[str, float]]) -> str:
    lowest = min(rows, key=lambda row: row["val_loss"])
    last = rows[-1]
    text = (
        f"The validation loss was lowest in epoch {lowest['epoch']:.0f}, {lowest['val_loss']:.4g}"
    )
    if lowest is last:
        return f"{text}, the last one."
    if last["loss"] < lowest["loss"] and _rising(rows):
        return (
            f"{text}; until the last epoch it rose to {last['val_loss']:.4g} while the training "
            f"loss fell from {lowest['loss']:.4g} to {last['loss']:.4g}: the later epochs fit the "
            "training examples rather than the task."
        )
    return (
        f"{text}, and {last['val_loss']:.4g} in the last one; the training loss ended at "
        f"{last['loss']:.4g}."
    )


def _rising(rows: Sequence[Mapping[str, float]]) -> bool:
    lowest = min(row["val_loss"] for row in rows)
    return rows[-1]["val_loss"] > CLEAR_RISE * lowest > 0


def _caveat(config: Config) -> str:
    on = ["while the weights change"]
    if any("Dropout" in name for name in _layer_names(config.model.plain())):
        on.append("with dropout")
    if config.data and config.data.augment:
        on.append("on augmented images")
    return (
        f"Training metrics are means over an epoch, measured {' and '.join(on)}; the kept model "
        "may reach more on the same examples."
    )


def _layer_names(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [*map(str, value), *(name for each in value.values() for name in _layer_names(each))]
    if isinstance(value, list | tuple):
        return [name for each in value for name in _layer_names(each)]
    return [value] if isinstance(value, str) else []
