from __future__ import annotations

import numpy as np
import pytest

COUNT, CLASSES = 24, 3
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (COUNT, 4, 4, 1), dtype=np.uint8)
LABELS = RNG.integers(0, CLASSES, COUNT, dtype=np.int32)


def mixed_model(*augmentation, units: int = CLASSES):
    import keras

    from cnnzoo.training.engine.mixing import MixedSequential

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="softmax" if units > 1 else "sigmoid"),
        ]
    )
    mixed = MixedSequential([keras.Input((4, 4, 1)), *augmentation, model])
    mixed.compile(
        keras.optimizers.SGD(0.0),
        "categorical_crossentropy" if units > 1 else "binary_crossentropy",
        metrics=[
            keras.metrics.SparseCategoricalAccuracy("accuracy")
            if units > 1
            else keras.metrics.BinaryAccuracy("accuracy")
        ],
    )
    return mixed


def mixing(name: str):
    import keras

    return getattr(keras.layers, name)


@pytest.mark.parametrize(("name", "times"), [("MixUp", 1), ("MixUp", 2), ("CutMix", 1)])
def test_labels_are_mixed_as_their_images_are(name, times):
    """Where each image has a channel of its own, what is mixed can be read from the images."""
    import keras

    from cnnzoo.training.engine.mixing import MixedSequential

    images = np.zeros((COUNT, 32, 32, COUNT), np.float32)
    images[np.arange(COUNT), :, :, np.arange(COUNT)] = 255
    layers = [mixing(name)(1.0) for _ in range(times)]
    output = MixedSequential([*layers, keras.layers.GlobalAveragePooling2D()])(
        images, training=True
    )
    told, seen = np.asarray(output["shares"]), np.asarray(output["probabilities"]) / 255
    assert (told > 0.01).sum(axis=1).max() == 2**times, "each layer mixes what came before it"
    # CutMix cuts whole pixels, and tells the share of the rectangle that it drew.
    assert np.abs(told - seen).max() <= (1e-4 if name == "MixUp" else 0.1)


@pytest.mark.parametrize("units", [CLASSES, 1])
@pytest.mark.parametrize("weights", [None, {0: 0.5, 1: 2.0, 2: 1.0}])
def test_the_loss_is_that_of_the_mixed_labels(units, weights):
    labels = LABELS if units > 1 else LABELS % 2
    model = mixed_model(mixing("MixUp")(0.5), units=units)
    model.jit_compile = False
    per_example = None if weights is None else np.array([weights[label] for label in labels])
    output = model(IMAGES, training=True)
    shares, p = np.asarray(output["shares"]), np.asarray(output["probabilities"])
    loss = float(model.compute_loss(None, labels, output, per_example))
    if units == 1:
        soft = shares @ labels
        losses = -soft * np.log(p[:, 0]) - (1 - soft) * np.log(1 - p[:, 0])
    else:
        losses = -(shares @ np.eye(CLASSES)[labels] * np.log(p)).sum(axis=1)
    if per_example is not None:
        losses *= shares @ per_example
    assert loss == pytest.approx(losses.mean(), rel=1e-4)


@pytest.mark.parametrize("units", [CLASSES, 1])
def test_training_and_validation_in_a_compiled_step(units):
    """The loss differs from the plain one in training, and not in validation."""
    import keras

    labels = LABELS if units > 1 else LABELS % 2
    model = mixed_model(keras.layers.RandomFlip(), mixing("MixUp")(1.0), units=units)
    history = model.fit(
        IMAGES, labels, batch_size=8, epochs=2, validation_data=(IMAGES, labels), verbose=0
    ).history
    p = np.asarray(model.predict(IMAGES, verbose=0))
    chosen = p[np.arange(COUNT), labels] if units > 1 else np.where(labels, p[:, 0], 1 - p[:, 0])
    predicted = p.argmax(axis=1) if units > 1 else p[:, 0] > 0.5
    for epoch in range(2):
        assert history["val_loss"][epoch] == pytest.approx(-np.log(chosen).mean(), rel=1e-4)
        assert history["val_accuracy"][epoch] == pytest.approx((predicted == labels).mean())
    assert history["loss"][0] != pytest.approx(history["val_loss"][0], rel=1e-4)
    assert history["loss"][0] != history["loss"][1], "every epoch is mixed anew"


def test_metrics_are_measured_against_the_class_with_the_largest_share():
    import keras

    shares = keras.ops.convert_to_tensor(
        np.array([[0.4, 0.6, 0.0], [0.0, 0.7, 0.3], [0.3, 0.3, 0.4]], np.float32)
    )
    labels = np.array([0, 1, 0], np.int32)  # largest: 1 (0.6), 1 (0.7), 0 (0.3 + 0.4)
    right = keras.ops.one_hot(np.array([1, 1, 0]), CLASSES)
    model = mixed_model(mixing("MixUp")(0.2))
    output = {"probabilities": right, "shares": shares}
    assert float(model.compute_metrics(None, labels, output)["accuracy"]) == 1.0
