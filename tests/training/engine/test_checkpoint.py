from __future__ import annotations

import errno
import io
import tracemalloc
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnnzoo.errors import RunError
from cnnzoo.training.engine import checkpoint
from cnnzoo.training.engine.checkpoint import (
    State,
    checkpoints_in,
    newest_checkpoint,
    read_checkpoint,
    save_checkpoint,
    save_constants,
)

any_array = st.sampled_from(
    [np.float32, np.float16, np.int32, np.uint32, np.bool_, ml_dtypes.bfloat16]
).flatmap(
    lambda dtype: arrays(np.uint8, st.sampled_from([(), (3,), (2, 0), (2, 3)])).map(
        lambda numbers: numbers.astype(dtype)
    )
)
any_number = st.floats() | st.integers(-(2**40), 2**40)
any_value = st.none() | st.booleans() | any_number | st.text(max_size=9) | any_array
remembered = st.dictionaries(st.text(max_size=9), any_value | st.lists(any_array, max_size=2))


@given(
    values=st.dictionaries(
        st.from_regex(r"(model|optimizer)/[0-9]{1,3}", fullmatch=True), any_array
    ),
    logs=st.none() | st.dictionaries(st.text(max_size=9), st.floats()),
    callbacks=st.lists(remembered, max_size=2),
)
@settings(max_examples=50)
def test_what_is_read_is_what_was_written(tmp_path_factory, values, logs, callbacks):
    folder = tmp_path_factory.mktemp("checkpoints")
    state = State(epoch=2, step=3, logs=logs, rows=[{"loss": 0.1}], best=0.1, callbacks=callbacks)
    read, found = read_checkpoint(save_checkpoint(folder, values, state))
    assert {name: value.dtype for name, value in read.items()} == {
        name: value.dtype for name, value in values.items()
    }
    np.testing.assert_equal(read, values)
    np.testing.assert_equal(found.callbacks, callbacks)
    np.testing.assert_equal(found.logs, logs)
    assert (found.epoch, found.step, found.rows, found.best) == (2, 3, [{"loss": 0.1}], 0.1)


def written(folder: Path, epoch: int, step: int = 0) -> Path:
    values = {"model/0": np.full(1000, epoch, np.float32)}
    return save_checkpoint(folder, values, State(epoch=epoch, step=step))


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_said_and_the_one_before_it_is_used(tmp_path_factory, data):
    """Whatever byte is changed, wherever it is cut: it is noticed, or it changes nothing."""
    folder = tmp_path_factory.mktemp("checkpoints")
    written(folder, 1)
    newest = written(folder, 2)
    content = bytearray(newest.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans(), label="cut"):
        del content[at:]
    else:
        content[at] ^= data.draw(st.integers(1, 255))
    newest.write_bytes(content)
    said: list[str] = []
    values, state = newest_checkpoint(folder, said.append)
    assert (values["model/0"] == state.epoch).all()
    if state.epoch == 1:
        assert str(newest) in said[0]
        assert "using the one before it" in said[0]
        assert not newest.exists(), "it is not taken for the newest again"
    else:
        assert not said


def test_where_all_are_damaged_nothing_is_lost_but_said(tmp_path):
    for epoch in (1, 2):
        written(tmp_path, epoch).write_bytes(b"PK")
    with pytest.raises(RunError, match=r"no checkpoint in .* can be read"):
        newest_checkpoint(tmp_path, lambda line: None)
    assert len(checkpoints_in(tmp_path)) == 2


def test_where_there_is_none_there_is_none(tmp_path):
    (tmp_path / "epoch-1.npz").touch()
    assert newest_checkpoint(tmp_path / "gone", pytest.fail) is None
    assert newest_checkpoint(tmp_path, pytest.fail) is None


def test_the_two_newest_are_kept(tmp_path):
    places = [(0, 9), (0, 10), (1, 0), (9, 0), (10, 0), (10, 5)]
    for epoch, step in places:
        written(tmp_path, epoch, step)
    names = [path.name for path in checkpoints_in(tmp_path)]
    assert names == ["epoch-00010-step-0000005.npz", "epoch-00010-step-0000000.npz"]


def test_a_write_that_fails_leaves_the_ones_before(tmp_path, monkeypatch):
    written(tmp_path, 1)
    written(tmp_path, 2)

    def fail(*_, **__):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(checkpoint.np, "savez", fail)
    with pytest.raises(OSError, match="Input/output"):
        written(tmp_path, 3)
    assert len(list(tmp_path.iterdir())) == 2
    values, state = newest_checkpoint(tmp_path, pytest.fail)
    assert state.epoch == 2
    assert (values["model/0"] == 2).all()


def test_on_a_full_disk_the_older_one_makes_room(tmp_path, monkeypatch):
    written(tmp_path, 1)
    written(tmp_path, 2)
    save = np.savez

    def save_if_there_is_room(file, **members):
        if len(checkpoints_in(tmp_path)) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(file, **members)

    monkeypatch.setattr(checkpoint.np, "savez", save_if_there_is_room)
    written(tmp_path, 3)
    assert [path.name[:11] for path in checkpoints_in(tmp_path)] == ["epoch-00003", "epoch-00002"]


def bomb(path: Path, kind: str) -> None:
    """A checkpoint that takes 64 MiB to read, in a file of less than one."""
    with ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = io.BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (2**24,)}
    np.lib.format.write_array_header_1_0(header, shape)
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        content = b"" if kind == "header" else bytes(2**26)
        archive.writestr("x.npy", header.getvalue() + content)


@pytest.mark.parametrize("kind", ["compressed", "header"])
def test_a_checkpoint_that_expands_is_damaged(tmp_path, kind):
    written(tmp_path, 1)
    newest = written(tmp_path, 2)
    bomb(newest, kind)
    said: list[str] = []
    tracemalloc.start()
    _, state = newest_checkpoint(tmp_path, said.append)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert state.epoch == 1
    assert "is damaged" in said[0]
    assert kind == "header" or ("its members have 67" in said[0] and peak < 2**25)


def with_constants(folder: Path, epoch: int = 1) -> tuple[Path, Path]:
    """A checkpoint, and the file with the values that do not change."""
    name = save_constants(folder, {"frozen/0": np.ones((2, 3)), "frozen/1": np.empty(0)})
    values = {"model/0": np.full(4, epoch)}
    return save_checkpoint(folder, values, State(epoch=epoch), name), folder / name


def test_values_that_do_not_change_are_written_once_and_read_with_each_checkpoint(tmp_path):
    first, constants = with_constants(tmp_path, 1)
    written = constants.stat().st_mtime_ns
    second, same = with_constants(tmp_path, 2)
    assert (same, same.stat().st_mtime_ns) == (constants, written)
    for epoch, path in enumerate([first, second], 1):
        values, _ = read_checkpoint(path)
        assert list(values) == ["model/0", "frozen/0", "frozen/1"]
        np.testing.assert_array_equal(values["model/0"], epoch)
        np.testing.assert_array_equal(values["frozen/0"], np.ones((2, 3)))


def test_values_that_do_not_change_may_be_bfloat16_or_numbers(tmp_path):
    written = {
        "frozen/0": np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16),
        "frozen/1": np.array(3, np.float16),
    }
    path = save_checkpoint(tmp_path, {}, State(), save_constants(tmp_path, written))
    values, _ = read_checkpoint(path)
    for name, array in written.items():
        assert values[name].dtype == array.dtype
        np.testing.assert_array_equal(values[name], array)


@pytest.mark.parametrize("damage", ["missing", "cut", "other values"])
def test_a_checkpoint_is_not_read_without_the_values_that_it_names(tmp_path, damage):
    path, constants = with_constants(tmp_path)
    if damage == "missing":
        constants.unlink()
    elif damage == "cut":
        constants.write_bytes(constants.read_bytes()[:-100])
    else:
        other = save_constants(tmp_path, {"frozen/0": np.zeros((2, 3)), "frozen/1": np.empty(0)})
        (tmp_path / other).replace(constants)
    said: list[str] = []
    with pytest.raises(RunError, match=r"no checkpoint in .* can be read"):
        newest_checkpoint(tmp_path, said.append)
    assert f"{path} is damaged" in said[0]
    with_constants(tmp_path)
    assert newest_checkpoint(tmp_path, pytest.fail)


def test_a_checkpoint_names_no_file_of_another_directory(tmp_path):
    (tmp_path / "run").mkdir()
    name = save_constants(tmp_path, {"frozen/0": np.ones(3)})
    path = save_checkpoint(tmp_path / "run", {}, State(), f"../{name}")
    with pytest.raises(ValueError, match="it names"):
        read_checkpoint(path)
