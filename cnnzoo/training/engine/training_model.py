"""Build the TrainingModel of a Job: the network, and the compiled model that trains it.

Imported only after Keras is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from cnnzoo.architecture.labels import directed_callbacks, labels_as_vectors
from cnnzoo.architecture.pooling import pooled_first, sampled_first
from cnnzoo.architecture.resolve import evaluate_call
from cnnzoo.models.build import build_architecture
from cnnzoo.models.objects import make
from cnnzoo.models.transfer import Report
from cnnzoo.training.engine.compile import compile_model, make_augmentation, training_variables
from cnnzoo.training.engine.features import frozen_base, why_not
from cnnzoo.training.engine.initial_weights import freeze, load_initial_weights
from cnnzoo.training.engine.mixing import MixedSequential
from cnnzoo.training.engine.normalization import fuse_normalization
from cnnzoo.training.engine.placement import on_one_device
from cnnzoo.training.engine.resampling import resampled_once
from cnnzoo.training.job import Job
from cnnzoo.training.settings import FLOAT32


@dataclass(frozen=True, slots=True)
class TrainingModel:
    """A plain `keras.Sequential`, and the compiled model that contains it.

    `compiled_model` adds the augmentation and the optimizer to `model`; `callbacks` are Keras
    callbacks. `export_model` is the same network as the configuration describes it, in float32 and
    without `training.freeze`; it is `model` itself if there is no difference. `report` lists the
    layers that took weights from `init_from`; `frozen` says how much `training.freeze` excludes.
    `base` is a model of the frozen layers at the start of `model` whose outputs are computed once
    (`features`); then `compiled_model` has only the other layers. `cached` is a line about it.
    """

    model: Any
    compiled_model: Any
    callbacks: tuple[Any, ...]
    export_model: Any
    report: Report | None = None
    frozen: str | None = None
    base: Any = None
    cached: str | None = None

    def updated_export_model(self) -> Any:
        """Copy the current weights into `export_model`, and return it.

        Weights are float32 in mixed precision too, so the two models differ only in how they
        compute, and any machine runs the saved model well. Only the layers with `trainable: false`
        are frozen in it.
        """
        if self.export_model is not self.model:
            self.export_model.set_weights(self.model.get_weights())
        return self.export_model


def make_training_model(
    job: Job, steps_per_epoch: int, *, pretrained: bool = True, cache: bool = False
) -> TrainingModel:
    """Build and compile the model of a job, for so many steps per epoch.

    Without `pretrained` all weights are random, also those of keras.applications, and `init_from`
    is not used: for a training that continues from a checkpoint. With `cache`, the outputs of
    frozen layers are computed once if that is possible. Global state of Keras does not change,
    except that random numbers are drawn.
    """
    config, class_names = job.config, job.dataset.class_names
    variables = training_variables(
        config, len(class_names), steps_per_epoch, job.settings.batch_size
    )
    architecture = sampled_first(pooled_first(job.architecture))
    precision = job.settings.precision
    model = build_architecture(architecture, config.name, precision, pretrained=pretrained)
    fuse_normalization(model)
    report = load_initial_weights(model, config) if pretrained else None
    frozen = freeze(model, config)
    sequential = MixedSequential if labels_as_vectors(config, job.head) else keras.Sequential
    augmentation = resampled_once(make_augmentation(config, variables))
    base = frozen_base(model) if cache else None
    cached = None
    if base is not None:
        reason = why_not(job, base)
        cached = (
            f"the frozen layers run in every step: {reason}"
            if reason
            else "the outputs of the frozen layers are computed once, before the first step"
        )
        base = None if reason else base
    if base is None:
        compiled = sequential([keras.Input(config.model.input_shape), *augmentation, model])
    else:
        others = model.layers[len(base.layers) :]
        compiled = sequential([keras.Input(base.output_shape[1:]), *others])
    compile_model(compiled, config, variables, job.head, job.settings)
    directed = directed_callbacks(config)
    callbacks = tuple(make(evaluate_call(call, variables)) for call in directed)
    export_model = model
    is_unchanged = architecture == job.architecture
    if precision != FLOAT32 or config.training.freeze or not is_unchanged:
        # Last, so that the random numbers that initialize `model` do not depend on the precision.
        # Only process 0 saves it, so its weights are not those of all processes.
        with on_one_device():
            export_model = build_architecture(job.architecture, config.name, pretrained=False)
    return TrainingModel(model, compiled, callbacks, export_model, report, frozen, base, cached)
