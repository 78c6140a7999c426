"""Publish a run on the Hugging Face Hub: model, configuration, metrics and card."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from cnnzoo.config.writer import to_yaml
from cnnzoo.reporting.card import model_card
from cnnzoo.reporting.paths import shortened
from cnnzoo.runs.hub import repository, upload
from cnnzoo.runs.run import CONFIG, MODEL, Run
from cnnzoo.training.progress import Display

CARD = "README.md"
METRICS = "metrics.json"


def publish(
    run: Run,
    word: str,
    *,
    private: bool = False,
    device: str = "auto",
    display: Display | None = None,
) -> str:
    """Publish a run as `hf://USER/REPO`, and return its address.

    The configuration is published without the directories of this machine. A run that was not
    evaluated yet is evaluated first. Raises what `hub.upload` and `model_card` raise.
    """
    repository(word)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / CARD).write_text(model_card(run, device=device, display=display), "utf-8")
        (folder / CONFIG).write_text(to_yaml(shortened(run.config().plain())), "utf-8")
        shutil.copy(run.model_path, folder / MODEL)
        if run.metrics_path("test").exists():
            shutil.copy(run.metrics_path("test"), folder / METRICS)
        return upload(word, folder, private=private)
