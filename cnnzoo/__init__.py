"""cnnzoo: convolutional networks written in YAML, built as plain Keras models and measured.

    config = cnnzoo.load_config("lenet", ["training.epochs=3"])
    dataset = cnnzoo.load_dataset(config.data, image_shape=config.model.input_shape)
    model = cnnzoo.build_model(config.model, classes=len(dataset.class_names))
    run = cnnzoo.train(config, runs_dir="runs")
    metrics = cnnzoo.evaluate(run, split="test")
    for prediction in cnnzoo.predict(run, ["photos"]):
        print(prediction.path, prediction.top(3))

Importing cnnzoo loads nothing else; each name is resolved when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnzoo.config.data import DataConfig as DataConfig
    from cnnzoo.config.loader import load_config as load_config
    from cnnzoo.config.schema import Config as Config
    from cnnzoo.config.schema import ModelConfig as ModelConfig
    from cnnzoo.config.schema import TrainingConfig as TrainingConfig
    from cnnzoo.datasets.dataset import Dataset as Dataset
    from cnnzoo.datasets.load import load_dataset as load_dataset
    from cnnzoo.errors import CnnzooError as CnnzooError
    from cnnzoo.evaluation.evaluate import evaluate as evaluate
    from cnnzoo.evaluation.predict import Prediction as Prediction
    from cnnzoo.evaluation.predict import predict as predict
    from cnnzoo.models.build import build_model as build_model
    from cnnzoo.runs.run import Run as Run
    from cnnzoo.runs.run import open_run as open_run
    from cnnzoo.training.reproduce import reproduce as reproduce
    from cnnzoo.training.resume import resume as resume
    from cnnzoo.training.train import train as train

__version__ = "0.1.0"

_HOMES = {
    "CnnzooError": "cnnzoo.errors",
    "Config": "cnnzoo.config.schema",
    "DataConfig": "cnnzoo.config.data",
    "Dataset": "cnnzoo.datasets.dataset",
    "ModelConfig": "cnnzoo.config.schema",
    "Prediction": "cnnzoo.evaluation.predict",
    "Run": "cnnzoo.runs.run",
    "TrainingConfig": "cnnzoo.config.schema",
    "build_model": "cnnzoo.models.build",
    "evaluate": "cnnzoo.evaluation.evaluate",
    "load_config": "cnnzoo.config.loader",
    "load_dataset": "cnnzoo.datasets.load",
    "open_run": "cnnzoo.runs.run",
    "predict": "cnnzoo.evaluation.predict",
    "reproduce": "cnnzoo.training.reproduce",
    "resume": "cnnzoo.training.resume",
    "train": "cnnzoo.training.train",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cnnzoo' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
