"""Plan → what is trained: the model, and around it what only training needs.

Imported only where Keras is already loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from cnnzoo.architecture.head import head_of, labels_as_vectors
from cnnzoo.architecture.pooling import pooled_first, sampled_first
from cnnzoo.architecture.resolve import evaluate_call
from cnnzoo.models.build import build_architecture
from cnnzoo.models.objects import make
from cnnzoo.models.transfer import Report
from cnnzoo.training.engine.compile import compile_model, make_augmentation, training_variables
from cnnzoo.training.engine.initial_weights import freeze, initialised
from cnnzoo.training.engine.mixing import MixedSequential
from cnnzoo.training.execution import Settings
from cnnzoo.training.plan import Plan
from cnnzoo.training.precision import FLOAT32


@dataclass(frozen=True, slots=True)
class Trainee:
    """A plain `keras.Sequential`, and the compiled model around it.

    The optimizer and the augmentation live in `around`; `callbacks` are Keras' own. `twin` is the
    same network as the configuration writes it, in float32 and with nothing frozen by
    `training.freeze`; it is `model` itself where that is so too. `report` says what came of
    `init_from`.
    """

    model: Any
    around: Any
    callbacks: tuple[Any, ...]
    twin: Any
    report: Report | None = None

    def to_save(self) -> Any:
        """The float32 network with the weights that `model` has now.

        Weights are float32 in mixed precision too, so the two differ only in how they compute, and
        every machine runs what is saved well. Who trains it on finds no layer frozen but those of
        `trainable: false`.
        """
        if self.twin is not self.model:
            self.twin.set_weights(self.model.get_weights())
        return self.twin


def make_trainee(
    planned: Plan,
    class_names: tuple[str, ...],
    steps_per_epoch: int,
    settings: Settings,
    *,
    pretrained: bool = True,
) -> Trainee:
    """Build and compile what a plan describes, for these classes and that many steps an epoch.

    Without `pretrained` all weights are new, for a training that goes on: those of networks of
    keras.applications too, and `init_from` is not asked. No global state of Keras is changed, but
    its random numbers are drawn from.
    """
    config = planned.config
    variables = training_variables(config, len(class_names), steps_per_epoch, settings.batch_size)
    architecture = sampled_first(pooled_first(planned.architecture))
    model = build_architecture(architecture, config.name, settings.precision, pretrained=pretrained)
    report = initialised(model, config) if pretrained else None
    freeze(model, config)
    head = head_of(planned.architecture, class_names)
    sequential = MixedSequential if labels_as_vectors(config, head) else keras.Sequential
    augmentation = make_augmentation(config, variables)
    around = sequential([keras.Input(config.model.input_shape), *augmentation, model])
    compile_model(around, config, variables, head, settings)
    callbacks = tuple(make(evaluate_call(call, variables)) for call in config.training.callbacks)
    twin = model
    as_written = architecture == planned.architecture
    if settings.precision != FLOAT32 or config.training.freeze or not as_written:
        # Last, so that in every precision the same random numbers initialize the same weights.
        twin = build_architecture(planned.architecture, config.name, pretrained=False)
    return Trainee(model, around, callbacks, twin, report)
