"""An export as text: what agrees with Keras, what was lost, size and speed."""

from __future__ import annotations

from typing import Any

from cnnzoo.evaluation.metric_titles import interval_text
from cnnzoo.text import size_text


def export_text(record: dict[str, Any]) -> str:
    """The figures of an export's record in a few lines."""
    lines = []
    if "verification" in record:
        lines += _verified(record["verification"])
    else:
        lines.append("not verified")
    lines.append(f"size: {size_text(record['bytes'])}")
    if "speed" in record:
        lines.append(_speed(record["speed"]))
    return "\n".join(lines)


def _verified(verified: dict[str, Any]) -> list[str]:
    agreement, difference = verified["agreement"], verified["accuracy_difference"]
    interval = interval_text(difference, 4)
    return [
        f"labels: {agreement['value']:.2%} as Keras on {verified['examples']:,} examples "
        f"({verified['split']} split of {verified['data']}); {verified['disagreements']:,} differ",
        f"probabilities: differ by at most {verified['largest_difference']:.2g}, "
        f"{verified['mean_difference']:.2g} on average",
        f"accuracy: {verified['accuracy']['value']:.4f}, Keras "
        f"{verified['keras_accuracy']['value']:.4f}; difference {difference['value']:+.4f}"
        + (f" ({interval})" if interval else "")
        + f", p = {verified['p_value']:.2g} (McNemar)",
    ]


def _speed(speed: dict[str, Any]) -> str:
    here, keras, predict = speed["exported"], speed["keras"], speed["keras_predict"]
    return (
        f"one image: {1000 * here['latency']:.3g} ms; Keras {1000 * predict['latency']:.3g} ms "
        f"by predict, {1000 * keras['latency']:.3g} ms by predict_on_batch\n"
        f"batches of {speed['batch_size']}: {here['images_per_second']:,.0f} images/s; Keras "
        f"{keras['images_per_second']:,.0f} by predict_on_batch"
    )
