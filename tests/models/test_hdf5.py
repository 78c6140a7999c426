from __future__ import annotations

import h5py
import numpy as np
import pytest

from cnnzoo import limits
from cnnzoo.models.hdf5 import WeightsError, check_weights_file


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.weights.h5"


def refused(path, message):
    with pytest.raises(WeightsError, match=message):
        check_weights_file(path)


def test_weights_of_keras_are_read(path):
    import keras

    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()]
    )
    model.save_weights(path)
    check_weights_file(path)


@pytest.mark.parametrize("compressed", [{}, {"chunks": (1000, 1000), "compression": "gzip"}])
def test_a_shape_that_the_file_does_not_hold_is_refused(path, compressed):
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/dense/vars/0", (30_000, 30_000), "f4", **compressed)
    assert path.stat().st_size < 100_000
    refused(path, r"its weights take 3.4 GiB or more.*the limit is 64 MiB")


def test_many_small_parts_are_added_up(path, monkeypatch):
    monkeypatch.setattr(limits, "SMALL_BYTES", 1000)
    with h5py.File(path, "w") as file:
        for number in range(20):
            file.create_dataset(f"layers/{number}/vars/0", (10_000,), "f4", fillvalue=0)
    assert path.stat().st_size < 100_000
    refused(path, "its weights take")


def test_one_array_under_many_names_counts_each_time(path, monkeypatch):
    monkeypatch.setattr(limits, "SMALL_BYTES", 1000)
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros(10_000, "f4")
        for number in range(10):
            file[f"copy{number}"] = file["a"]
    refused(path, "its weights take")


def test_a_large_chunk_of_a_small_array_counts(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (1,), "f8", chunks=(2**25,), maxshape=(None,), compression="gzip")
    refused(path, "its weights take 256 MiB or more")


def test_groups_that_contain_themselves_end(path, monkeypatch):
    monkeypatch.setattr(limits, "OBJECTS", 100)
    with h5py.File(path, "w") as file:
        file.create_group("a")
        file["a/again"] = file["a"]
    refused(path, "more than 100 parts")


def test_links_and_values_in_other_files_are_refused(path, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.zeros(3)
    for target in (h5py.ExternalLink("other.h5", "secret"), h5py.SoftLink("/elsewhere")):
        with h5py.File(path, "w") as file:
            file["a"] = target
        refused(path, "a link to another place: a")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (3,), "f8", external=[("/etc/hostname", 0, 24)])
    refused(path, "values in another file: a")
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource("other.h5", "secret", (3,))
        file.create_virtual_dataset("a", layout)
    refused(path, "values in another file: a")


def test_texts_and_objects_are_refused(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=["text"], dtype=h5py.string_dtype())
    refused(path, "not an array of numbers: a")
