"""Explain the prediction for an image, as plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.evaluation.classifier import Classifier, predict_probabilities
from cnnzoo.evaluation.explain.gradcam import grad_cam
from cnnzoo.evaluation.explain.gradients import score_gradient
from cnnzoo.evaluation.explain.integrated_gradients import (
    STEPS,
    Attribution,
    integrated_gradients,
)
from cnnzoo.evaluation.explain.parts import ModelParts, find_parts
from cnnzoo.evaluation.explain.scores import class_weights
from cnnzoo.models.backend import load_keras

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stage:
    """The last feature maps of one height and width: float32 [height, width, channels].

    `name` is that of their layer.
    """

    name: str
    maps: Floats


@dataclass(frozen=True, slots=True)
class MapExplanation:
    """The explanation of one image by feature maps.

    `probabilities` float32 [classes]; `label` is the class that the maps explain. `grad_cam`
    float32 [height, width] from 0 to 1, of the size of the image; `stages` in order.
    """

    probabilities: Floats
    label: int
    grad_cam: Floats
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Explanation(MapExplanation):
    """The explanation of one image; `attribution` are the integrated gradients of its size."""

    attribution: Attribution


def explain_image(
    classifier: Classifier,
    image: NDArray[np.uint8],
    *,
    label: int | None = None,
    steps: int = STEPS,
) -> Explanation:
    """Explain one image uint8 [height, width, channels] that fits the input of the classifier.

    `label` is the class to explain, by default the predicted one; `steps` are those of the
    integrated gradients. For several images use `explainer`, which prepares the model once.

    Raises:
        UserError: the model has no convolution.
        DeviceError: the backend is neither TensorFlow nor JAX.

    """
    return explainer(classifier, steps=steps)(image, label)


def explainer(
    classifier: Classifier, *, steps: int = STEPS, parts: ModelParts | None = None
) -> Callable[[NDArray[np.uint8], int | None], Explanation]:
    """Return the function from an image, and a class or None, to its explanation."""
    parts = parts or find_parts(classifier.model)
    scores = parts.scores
    explain_maps = map_explainer(classifier, parts=parts)
    by_image = score_gradient(load_keras().Model(parts.image, scores))

    def explain(image: NDArray[np.uint8], label: int | None) -> Explanation:
        found = explain_maps(image, label)
        weights = class_weights(found.label, scores.shape[-1])
        return Explanation(
            found.probabilities,
            found.label,
            found.grad_cam,
            found.stages,
            integrated_gradients(image, by_image, weights, steps),
        )

    return explain


def map_explainer(
    classifier: Classifier, *, parts: ModelParts | None = None, size: int | None = None
) -> Callable[[NDArray[np.uint8], int | None], MapExplanation]:
    """Return the function to Grad-CAM and feature maps only, which take one pass each.

    `size` is the batch size of the prediction; see `predict_probabilities`. Raises UserError and
    DeviceError as `explain_image`.
    """
    keras = load_keras()
    parts = parts or find_parts(classifier.model)
    stages, last_maps, scores = parts.stages, parts.last_maps, parts.scores
    tensors = [part.tensor for part in (*stages, last_maps)]
    feature_model = keras.Model(parts.image, tensors)
    by_maps = score_gradient(keras.Model(last_maps.tensor, scores))

    def explain(image: NDArray[np.uint8], label: int | None) -> MapExplanation:
        (probabilities,) = predict_probabilities(classifier.model, image[None], size)
        explained = int(probabilities.argmax()) if label is None else label
        weights = class_weights(explained, scores.shape[-1])
        outputs = feature_model.predict_on_batch(image[None])
        *maps, last = (np.asarray(output)[0] for output in outputs)
        height, width, _ = image.shape
        return MapExplanation(
            probabilities,
            explained,
            grad_cam(last, by_maps, weights, (height, width)),
            tuple(Stage(part.name, each) for part, each in zip(stages, maps, strict=True)),
        )

    return explain


def first_filters(model: Any) -> Floats:
    """Return the filters of the first convolution: float32 [height, width, in channels, filters].

    The last axis of a depthwise convolution is its depth multiplier. Raises UserError if the model
    has no convolution.
    """
    kernel = find_parts(model).convolution.kernel
    return np.asarray(load_keras().ops.convert_to_numpy(kernel), np.float32)
