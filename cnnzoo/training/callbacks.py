"""What happens while Keras fits: the best model is kept, each epoch recorded and shown.

Imported only where Keras is already loaded.
"""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras

from cnnzoo.errors import ConfigError, Place, TrainingError, did_you_mean
from cnnzoo.models.saved import Description, save_model
from cnnzoo.runs import Run, write_text

# How the names of losses and of metrics that measure an error end.
_LESS_IS_BETTER = ("loss", "error", "crossentropy", "divergence", "hinge", "poisson")

Epoch = Mapping[str, float]  # `epoch` from 1, `seconds`, `learning_rate`, losses and metrics


class KeepBest(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves a model to `model.keras` whenever the monitored metric improves."""

    def __init__(
        self, run: Run, keep: Any, description: Description, monitor: str, place: Place | None
    ) -> None:
        super().__init__()
        self.run = run
        self.keep = keep
        self.description = description
        self.monitor = monitor
        self.place = place
        self.sign = -1 if monitor.endswith(_LESS_IS_BETTER) else 1
        self.best = -math.inf

    def on_epoch_end(self, epoch: int, logs: Epoch | None = None) -> None:
        """Save the model if this epoch is the best so far."""
        logs = logs or {}
        if self.monitor not in logs:
            raise ConfigError(
                f"training.monitor: nothing measures {self.monitor!r}"
                + did_you_mean(self.monitor, logs),
                place=self.place,
                hint=f"measured: {', '.join(logs)}",
            )
        value = self.sign * float(logs[self.monitor])
        # Of two equally good epochs the later one is kept: it has trained longer.
        if math.isfinite(logs["loss"]) and value >= self.best:
            self.best = value
            save_model(self.keep, self.run.model_path, self.description)
            self.run.update(best_epoch=epoch + 1)


class Record(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes `history.csv` after each epoch, and stops a training whose loss is no number."""

    def __init__(self, run: Run, on_epoch: Callable[[Epoch], None]) -> None:
        super().__init__()
        self.run = run
        self.on_epoch = on_epoch
        self.epochs: list[Epoch] = []
        self.started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Epoch | None = None) -> None:
        """Start the clock of the epoch."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Epoch | None = None) -> None:
        """Add the epoch's row."""
        learning_rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row = {
            "epoch": epoch + 1,
            **{name: float(value) for name, value in (logs or {}).items()},
            "learning_rate": learning_rate,
            "seconds": round(time.perf_counter() - self.started, 3),
        }
        self.epochs.append(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, self.epochs[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.epochs)
        write_text(self.run.history_path, text.getvalue())
        if not math.isfinite(row["loss"]):
            raise TrainingError(
                f"the loss became {row['loss']} in epoch {epoch + 1}, "
                f"at a learning rate of {learning_rate:.3g}",
                hint="try a learning rate ten times smaller; are the images rescaled "
                "(Rescaling: 1/255)?",
            )
        self.on_epoch(row)


class Steps(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells how far the epoch has come; between steps, the training can be stopped."""

    def __init__(
        self, on_step: Callable[[int, int, Epoch], None], stop_if_asked: Callable[[], None]
    ) -> None:
        super().__init__()
        self.on_step = on_step
        self.stop_if_asked = stop_if_asked
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Epoch | None = None) -> None:
        """Remember which epoch it is."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Epoch | None = None) -> None:
        """Pass on the epoch, the steps that are done, and the running metrics."""
        self.on_step(self.epoch, batch + 1, logs or {})
        self.stop_if_asked()

    def on_test_batch_end(self, batch: int, logs: Epoch | None = None) -> None:
        """Stop between the steps of a validation too."""
        self.stop_if_asked()

    def on_epoch_end(self, epoch: int, logs: Epoch | None = None) -> None:
        """Stop after what is to be written of an epoch was written."""
        self.stop_if_asked()
