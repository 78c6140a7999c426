"""Event files for TensorBoard.

tensorboardX writes them without TensorFlow, so they work on every backend. Its SummaryWriter is not
used: it writes in a thread, whose errors are lost.
"""

from __future__ import annotations

import time
from pathlib import Path

from cnnzoo.extras import require


class Events:
    """One event file in a directory."""

    def __init__(self, directory: Path) -> None:
        """Create the file; raises UserError if tensorboardX is not installed, and OSError."""
        writers = require("tensorboardX.event_file_writer", _EXTRA, "training.tensorboard")
        self.event = require("tensorboardX.proto.event_pb2", _EXTRA, "training.tensorboard")
        self.proto = require("tensorboardX.proto.summary_pb2", _EXTRA, "training.tensorboard")
        directory.mkdir(parents=True, exist_ok=True)
        self.writer = writers.EventsWriter(str(directory / "events"))

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Write a number."""
        self._add(self.proto.Summary.Value(tag=tag, simple_value=value), step)

    def add_png(self, tag: str, png: bytes, width: int, height: int, step: int) -> None:
        """Write an image of `width` x `height` pixels."""
        image = self.proto.Summary.Image(
            encoded_image_string=png, width=width, height=height, colorspace=_RGB
        )
        self._add(self.proto.Summary.Value(tag=tag, image=image), step)

    def flush(self) -> None:
        """Write buffered events to the disk."""
        self.writer.flush()

    def close(self) -> None:
        """Close the file."""
        self.writer.close()

    def _add(self, value: object, step: int) -> None:
        summary = self.proto.Summary(value=[value])
        self.writer.write_event(self.event.Event(wall_time=time.time(), step=step, summary=summary))


_EXTRA = "tensorboard"
_RGB = 3
