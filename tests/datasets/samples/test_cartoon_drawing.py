import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cnnzoo.datasets.samples import cartoon_drawing
from cnnzoo.datasets.samples.cartoon_faces import COUNT, LABELS

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int32]


def gray(label: str = "emotion", *, size: int = 48, count: int = 28, seed: int = 0) -> Pixels:
    return cartoon_drawing.draw(label, height=size, width=size, channels=1, count=count, seed=seed)[
        0
    ]


def test_class_names() -> None:
    assert LABELS == {
        "emotion": ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"),
        "smile": ("no_smile", "smile"),
    }


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_dtype_and_balance(label: str, channels: int) -> None:
    images, labels = cartoon_drawing.draw(label, height=40, width=56, channels=channels, count=280)
    assert images.shape == (280, 40, 56, channels)
    assert images.dtype == np.uint8
    assert labels.shape == (280,)
    assert labels.dtype == np.int32
    classes = len(LABELS[label])
    assert np.bincount(labels).tolist() == [280 // classes] * classes
    # In random order, so that any contiguous split holds every class.
    assert np.bincount(labels[-70:], minlength=classes).min() > 0
    assert (np.diff(labels) != 0).mean() < 1


def test_default_count_is_balanced_for_every_label() -> None:
    assert all(COUNT % len(names) == 0 for names in LABELS.values())


def test_same_seed_draws_the_same_faces() -> None:
    np.testing.assert_array_equal(gray(seed=3), gray(seed=3))


def test_another_seed_draws_other_faces() -> None:
    differing = (gray(seed=3) != gray(seed=4)).any(axis=(1, 2, 3))
    assert differing.all()


def test_faces_of_one_seed_differ() -> None:
    assert len({face.tobytes() for face in gray(count=280)}) == 280


def test_gray_is_the_luma_of_the_colour_drawing() -> None:
    colour, labels = cartoon_drawing.draw("emotion", height=48, width=48, channels=3, count=28)
    images, gray_labels = cartoon_drawing.draw("emotion", height=48, width=48, channels=1, count=28)
    np.testing.assert_array_equal(labels, gray_labels)
    for face, photo in zip(images, colour, strict=True):
        np.testing.assert_array_equal(face[..., 0], Image.fromarray(photo).convert("L"))


def test_a_face_is_the_same_at_every_size() -> None:
    small, large = (gray(size=size, count=56).astype(float)[..., 0] for size in (48, 96))
    halved = large.reshape(56, 48, 2, 48, 2).mean(axis=(2, 4))
    correlation = [[np.corrcoef(a.ravel(), b.ravel())[0, 1] for b in halved] for a in small]
    assert np.min(np.diag(correlation)) > 0.9
    assert np.argmax(correlation, axis=1).tolist() == list(range(56))


def test_a_person_is_the_same_for_both_labels() -> None:
    emotions, smiles = (gray(label, count=56).astype(int) for label in LABELS)
    # Shoulders and wall: what an expression does not move.
    corners = np.abs(emotions - smiles)[:, :, :4]
    assert corners.max() == 0


def test_the_first_faces_are_those_of_a_longer_draw() -> None:
    draws = {
        count: cartoon_drawing._traits(
            np.random.Generator(np.random.PCG64(0)), ("happy",), np.zeros(count, np.intp)
        )
        for count in (5, 300)
    }
    for name, values in draws[5].items():
        np.testing.assert_array_equal(values, draws[300][name][:5])


def test_every_expression_names_known_traits_in_order() -> None:
    for ranges in cartoon_drawing._EXPRESSIONS.values():
        assert ranges.keys() <= cartoon_drawing._NEUTRAL.keys()
        assert all(low <= high for low, high in ranges.values())


def test_unknown_label_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of emotion, smile"):
        cartoon_drawing.draw("age", height=48, width=48, channels=1)


def test_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="channels=4"):
        cartoon_drawing.draw("smile", height=48, width=48, channels=4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "linear_limit", "epochs"), [("emotion", 0.65, 8), ("smile", 0.80, 4)]
)
def test_pixels_alone_do_not_give_the_answer_away(
    label: str, linear_limit: float, epochs: int
) -> None:
    images, labels = cartoon_drawing.draw(label, height=48, width=48, channels=1, count=3500)
    train, test = slice(2800), slice(2800, None)
    linear = linear_accuracy(images[train], labels[train], images[test], labels[test])
    learned = cnn_accuracy(images[train], labels[train], images[test], labels[test], epochs)
    assert linear < linear_limit
    assert learned > linear + 0.15


def linear_accuracy(x: Pixels, y: Labels, x_test: Pixels, y_test: Labels) -> float:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(
        StandardScaler(), PCA(200, random_state=0), LogisticRegression(C=1e-3, max_iter=200)
    )
    classifier.fit(x.reshape(len(x), -1).astype(np.float32), y)
    return float(classifier.score(x_test.reshape(len(x_test), -1).astype(np.float32), y_test))


def cnn_accuracy(x: Pixels, y: Labels, x_test: Pixels, y_test: Labels, epochs: int) -> float:
    import keras
    from keras import layers

    def seed(k: int) -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seed=k)

    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(32, 3, activation="relu", kernel_initializer=seed(0)),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, activation="relu", kernel_initializer=seed(1)),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu", kernel_initializer=seed(2)),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu", kernel_initializer=seed(3)),
            layers.Dense(int(y.max()) + 1, activation="softmax", kernel_initializer=seed(4)),
        ]
    )
    model.compile(
        keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    # The faces are in random order already; shuffling them would draw on keras' global seed.
    model.fit(x, y, batch_size=32, epochs=epochs, shuffle=False, verbose=0)
    return float(model.evaluate(x_test, y_test, verbose=0)[1])
