"""The number of cartoon faces and their classes, separate from the drawing."""

from __future__ import annotations

COUNT = 7000
LABELS: dict[str, tuple[str, ...]] = {
    "emotion": ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"),
    "smile": ("no_smile", "smile"),
}
