from __future__ import annotations

import gzip
import io
import struct
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cnnzoo.datasets.array_files import (
    BLOCK_BYTES,
    IDX_TYPES,
    ArrayFileError,
    members,
    open_array,
    read_blocks,
)

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, max_side=5)


def idx_bytes(array):
    """An array as an IDX file has it."""
    kinds = {np.dtype(kind): code for code, kind in IDX_TYPES.items()}
    big = array.astype(array.dtype.newbyteorder(">"))
    header = struct.pack(f">HBB{array.ndim}I", 0, kinds[big.dtype], array.ndim, *array.shape)
    return header + big.tobytes()


def npy_bytes(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def written(tmp_path, content, name="x"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def whole(array, windows=None):
    return np.concatenate(list(read_blocks(array, windows or array.windows())))


arrays_of_idx = st.sampled_from([np.dtype(kind) for kind in IDX_TYPES.values()]).flatmap(
    lambda dtype: hnp.arrays(dtype, SHAPES)
)
arrays_of_npy = hnp.arrays(
    st.sampled_from(["?", "u1", "i8", ">i2", "f2", "f4", "f8", "U3", "S2"]), SHAPES
)


@given(arrays_of_idx, st.booleans())
def test_what_is_written_as_idx_reads_back_equal(tmp_path_factory, array, packed):
    content = idx_bytes(array)
    path = written(tmp_path_factory.mktemp("idx"), gzip.compress(content) if packed else content)
    assert np.array_equal(whole(open_array(path)), array, equal_nan=True)


@given(arrays_of_npy, st.sampled_from(["npy", "gz", "npz", "deflated"]))
def test_what_numpy_writes_reads_back_equal(tmp_path_factory, array, kind):
    path = tmp_path_factory.mktemp("npy") / "x"
    member = None
    if kind in ("npz", "deflated"):
        member = "x.npy"
        with path.open("wb") as file:
            (np.savez_compressed if kind == "deflated" else np.savez)(file, x=array)
        assert members(path) == {"x": member}
    else:
        content = npy_bytes(np.ascontiguousarray(array))
        path.write_bytes(gzip.compress(content) if kind == "gz" else content)
    stored = open_array(path, member)
    assert stored.dtype == array.dtype
    read = whole(stored)
    assert np.array_equal(read, array, equal_nan=array.dtype.kind == "f")


@given(st.data())
def test_windows_of_an_array_are_its_rows(tmp_path_factory, data):
    array = np.arange(50, dtype=np.int32).reshape(25, 2)
    packed = data.draw(st.booleans())
    content = npy_bytes(array)
    path = written(tmp_path_factory.mktemp("npy"), gzip.compress(content) if packed else content)
    bounds = sorted(data.draw(st.sets(st.integers(0, 25), min_size=2)))
    windows = list(zip(bounds[::2], bounds[1::2], strict=False))
    for (start, stop), block in zip(windows, read_blocks(open_array(path), windows), strict=True):
        assert np.array_equal(block, array[start:stop])


def test_a_block_is_small_and_so_is_what_becomes_of_it(tmp_path):
    array = open_array(written(tmp_path, npy_bytes(np.zeros((3000, 100, 100), np.uint8))))
    assert max(stop - start for start, stop in array.windows()) == BLOCK_BYTES // 10_000
    assert max(stop - start for start, stop in array.windows(BLOCK_BYTES // 2)) == 2
    assert max(stop - start for start, stop in array.windows(BLOCK_BYTES * 2)) == 1


ARRAY = np.arange(24, dtype=np.uint8).reshape(6, 4)


@given(st.data())
def test_a_file_that_is_cut_off_is_refused(tmp_path_factory, data):
    content = data.draw(st.sampled_from([idx_bytes(ARRAY), npy_bytes(ARRAY)]))
    packed = data.draw(st.booleans())
    content = gzip.compress(content) if packed else content
    cut = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(ArrayFileError):
        whole(open_array(written(tmp_path_factory.mktemp("cut"), content[:cut])))


@given(st.data())
def test_a_damaged_file_is_refused_or_read_but_never_breaks(tmp_path_factory, data):
    archive = io.BytesIO()
    np.savez_compressed(archive, x=ARRAY)
    kinds = [idx_bytes(ARRAY), npy_bytes(ARRAY), gzip.compress(idx_bytes(ARRAY))]
    content = bytearray(data.draw(st.sampled_from([*kinds, archive.getvalue()])))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path = written(tmp_path_factory.mktemp("damaged"), bytes(content))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, of headers that are odd
            member = next(iter(members(path).values())) if content[:2] == b"PK" else None
            whole(open_array(path, member))
    except (ArrayFileError, StopIteration):
        pass


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("content", [idx_bytes(ARRAY), npy_bytes(ARRAY)])
def test_a_file_that_goes_on_is_refused(tmp_path, content, packed):
    content += b"more"
    path = written(tmp_path, gzip.compress(content) if packed else content)
    with pytest.raises(
        ArrayFileError, match=r"is longer than (the 6 rows of its header|its header says)"
    ):
        whole(open_array(path))


def npy_header(shape, descr="|u1"):
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GIF89a", "is not an array"),
        (b"", "is not an array"),
        (b"\0\0\x08\x09" + b"\0" * 36, "type 8 and 9 dimensions"),
        (b"\0\0\x07\x01" + b"\0" * 4, "type 7 and 1 dimensions"),
        (npy_bytes(np.array([{}, 1], object)), "Python objects, and a pickle can run any code"),
        (npy_bytes(np.asfortranarray(np.zeros((3, 4)))), "column by column"),
        (npy_bytes(np.zeros(3, "f4,i4")), "neither numbers nor text"),
        (npy_bytes(np.zeros(3, "M8[s]")), "neither numbers nor text"),
        (npy_bytes(np.zeros(3, complex)), "neither numbers nor text"),
        (npy_bytes(np.float64(3)), "holds no rows"),
        (npy_bytes(np.zeros((3, 0))), "holds no rows"),
        (npy_header((-1, 2)), "holds no rows"),
        (npy_header((10**12, 28, 28)), r"says 1,000,000,000,000 rows of 784 bytes"),
        (npy_header((2, 10**9)), r"says 2 rows of 1,000,000,000 bytes"),
        (npy_header((1000, 28, 28)), "is cut off: its header says 784,0"),
        (npy_header("x"), "invalid header"),
        (npy_header((3,), descr="nonsense"), "invalid header"),
        (b"\x93NUMPY\x01\x00\x10\x00{1: 2, 'a': 3}  \n", "invalid header"),
        (b"\x93NUMPY\x01\x00\x00\x20" + b"(" * 8192, "invalid header|is damaged"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_no_array_of_rows_is_refused(tmp_path, content, message, packed):
    path = written(tmp_path, gzip.compress(content) if packed else content)
    if packed:  # the size is known only at its end
        message = message.replace(
            "is cut off: its header says 784,0", "is cut off: its header says 1,000"
        )
    with pytest.raises(ArrayFileError, match=message):
        whole(open_array(path))


def test_an_archive_with_a_lying_header_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy_header((1000, 28, 28)) + b"\0" * 784)
    with pytest.raises(ArrayFileError, match=r"x\.npz:x is cut off: its header says 784,0"):
        open_array(path, "x.npy")


def test_an_offset_outside_the_file_is_damage(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=np.arange(5))
    content = bytearray(path.read_bytes())
    field = content.rindex(b"PK\5\6") + 16  # the offset of the central directory
    offset = int.from_bytes(content[field : field + 4], "little")
    content[field : field + 4] = (offset + 1000).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ArrayFileError, match="is damaged"):
        open_array(path, "x.npy")
