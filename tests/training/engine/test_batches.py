from __future__ import annotations

import numpy as np
import pytest

from cnnzoo.datasets.dataset import Examples, MappedImages
from cnnzoo.training.engine.batches import EVALUATION_BATCH, ordered_batches, shuffled_batches

COUNT = 10


def examples(count: int = COUNT) -> Examples:
    """Examples whose images say which of them they are."""
    images = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
    return Examples(images, np.array([index % 3 == 0 for index in range(count)], np.int32))


def taken(batches) -> list[int]:
    return [int(pixel) for step in range(len(batches)) for pixel in batches[step][0].ravel()]


def test_an_epoch_takes_every_example_once_with_its_label():
    batches = shuffled_batches(examples(), 4, seed=0)
    assert len(batches) == 3
    assert [len(batches[step][1]) for step in range(3)] == [4, 4, 2]
    assert sorted(taken(batches)) == list(range(COUNT))
    for step in range(3):
        images, labels = batches[step]
        assert (labels == examples().labels[images.ravel()]).all()


def test_the_order_depends_on_the_seed_and_the_epoch_only():
    first, second = shuffled_batches(examples(), 4, seed=7), shuffled_batches(examples(), 4, seed=7)
    orders = []
    for epoch in range(3):
        first.start_epoch(epoch)
        orders.append(taken(first))
    assert len({tuple(order) for order in orders}) == 3
    second.start_epoch(2)  # as a training that is resumed begins
    assert taken(second) == orders[2]
    other = shuffled_batches(examples(), 4, seed=8)
    assert taken(other) != orders[0]


def test_oversampling_makes_the_epoch_longer():
    batches = shuffled_batches(examples(), 4, seed=0, balance="oversample")
    assert len(batches) == 3
    assert len(taken(batches)) == 12
    labels = np.concatenate([batches[step][1] for step in range(3)])
    assert np.bincount(labels).tolist() == [6, 6]
    length = len(batches)
    batches.start_epoch(5)
    assert len(batches) == length


def test_where_classes_have_weights_so_do_examples():
    batches = shuffled_batches(examples(), 4, seed=0, weights=np.array([0.5, 2], np.float32))
    for step in range(3):
        _, labels, weights = batches[step]
        assert weights.dtype == np.float32
        assert weights.tolist() == [(0.5, 2)[label] for label in labels]


def test_what_is_measured_comes_in_order():
    many = examples(200)
    assert taken(ordered_batches(many)) == list(range(200))
    assert len(ordered_batches(examples(0))) == 0
    assert EVALUATION_BATCH >= 200


@pytest.mark.parametrize(("devices", "batch"), [(1, 256), (8, 256), (3, 255), (300, 300)])
def test_devices_share_the_batches_of_a_validation(devices, batch):
    assert ordered_batches(examples(600), devices).batch_size == batch


def test_batches_from_the_disk_are_those_from_memory(tmp_path):
    whole = examples()
    np.save(tmp_path / "images.npy", whole.images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    on_disk = Examples(MappedImages(mapped, np.arange(COUNT)), whole.labels)
    for step in range(3):
        for one, other in zip(
            shuffled_batches(whole, 4, 0)[step], shuffled_batches(on_disk, 4, 0)[step], strict=True
        ):
            assert (one == other).all()
            assert not isinstance(other, np.memmap)


def test_what_went_wrong_is_remembered():
    class Gone:
        shape = (COUNT, 1, 1, 1)

        def __getitem__(self, rows):
            raise OSError("gone")

    batches = ordered_batches(Examples(Gone(), examples().labels))
    assert batches.failure is None
    with pytest.raises(OSError, match="gone"):
        batches[0]
    assert str(batches.failure) == "gone"


def test_a_batch_may_be_larger_than_the_data_and_than_an_integer_of_numpy():
    batches = shuffled_batches(examples(), 10**20, seed=0)
    assert len(batches) == 1
    assert len(batches[np.int64(0)][1]) == COUNT
