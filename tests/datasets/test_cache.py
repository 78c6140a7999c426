from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnnzoo
from cnnzoo.datasets import cache
from cnnzoo.datasets.cache_directory import cache_directory
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.pixel_digests import row_digests
from cnnzoo.errors import DataError

# How often the decoding is killed at a random moment; a longer trial sets a few dozen.
KILLS = int(os.environ.get("CNNZOO_TEST_KILLS", "4"))

# Loads the folder of its first argument; says whether it decoded, and the fingerprint.
PROGRAM = """
import sys, time
import cnnzoo
from cnnzoo.datasets import cache, load
from cnnzoo.errors import DataError

folder, pause, prepare = sys.argv[1], float(sys.argv[2]), sys.argv[3]
decoded = []

def on_progress(done, total):
    decoded.append(done)
    time.sleep(pause)

print("ready", flush=True)
sys.stdin.readline()
exec(prepare)
try:
    dataset = load.load_dataset(
        cnnzoo.DataConfig(folder=folder), image_shape=(8, 8, 1), on_progress=on_progress
    )
    print(bool(decoded), dataset.fingerprint)
except DataError as error:
    print(error)
"""


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """A cache of its own."""
    monkeypatch.setenv("CNNZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of 60 pictures in two classes."""
    return write_pictures(tmp_path_factory.mktemp("pictures"), 30)


@pytest.fixture(scope="module")
def many_pictures(tmp_path_factory):
    """So many pictures that more than one process decodes them."""
    return write_pictures(tmp_path_factory.mktemp("many"), 1200)


def write_pictures(root, count):
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (root / name).mkdir()
        for index, pixels in enumerate(rng.integers(0, 256, (count, 8, 8), np.uint8)):
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


def load(folder, **settings):
    data = cnnzoo.DataConfig(folder=str(folder), **settings)
    return load_dataset(data, image_shape=(8, 8, 1))


def start(folder, *, pause=0.0, prepare=""):
    """A process that waits for a line and then loads a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(pause), prepare],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def finished(process):
    """What the process prints in the end."""
    output, _ = process.communicate("go\n", timeout=120)
    assert process.returncode == 0
    return output.strip()


def entries(directory):
    """The names in the cache, but for its locks."""
    return sorted(path.name for path in directory.iterdir() if path.name != "locks")


KEYS = np.array([0, 1, 2**63, 2**64 - 1, 4, 5], np.uint64)


def build(key="ab" * 12, images=None, names=None):
    """An entry of random images."""
    if images is None:
        images = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), np.uint8)
    with cache.building(key) as folder:
        out = cache.new_images(folder, images.shape)
        out[:] = images
        rows = np.arange(len(images))
        labels, parts = (np.array(rows % n, np.int32) for n in (2, 3))
        names = names or [f"{row}.png" for row in rows]
        cache.finish(
            folder, out, rows, labels, parts, KEYS[rows % 6], names, name="some", skipped={}
        )
    return key, images


def test_an_entry_is_read_as_it_was_built(directory):
    names = ["plain.png", "ünï/💾.png", "new\nline.png", "\udcff.png", "a", "b"]
    key, images = build(names=names)
    entry = cache.open_entry(key)
    assert np.array_equal(entry.images, images)
    assert entry.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert entry.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert entry.parts.tolist() == [0, 1, 2, 0, 1, 2]
    assert np.array_equal(entry.keys, KEYS)
    assert (entry.labels.dtype, entry.parts.dtype) == (np.int32, np.int32)
    assert np.array_equal(entry.digests, row_digests(images, entry.rows))
    assert entry.names == names
    assert entry.about["name"] == "some"
    assert entry.about["shape"] == [6, 4, 4, 3]


def test_the_images_of_an_entry_are_mapped_from_disk(directory):
    entry = cache.open_entry(build()[0])
    assert isinstance(entry.images.base, np.memmap)
    assert not entry.images.flags.writeable


def test_there_is_no_entry_where_nothing_was_built(directory):
    assert cache.open_entry("ab" * 12) is None
    assert cache.find_stored() == []


def test_keys_tell_settings_apart():
    settings = [("a", 1), ("a", "1"), ("a",), (("a", 1),), ("a", None, 1)]
    assert len({cache.key_of(*some) for some in settings}) == len(settings)


@pytest.mark.parametrize("name", ["images.npy", "examples.npy", "names.json", "entry.json"])
@pytest.mark.parametrize("harm", ["truncated", "missing", "garbage", "longer"])
def test_a_damaged_entry_is_noticed_and_made_again(directory, pictures, name, harm):
    fingerprint = load(pictures).fingerprint
    (entry,) = directory.glob("*/entry.json")
    path = entry.with_name(name)
    content = path.read_bytes()
    if harm == "missing":
        path.unlink()
    elif harm == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "longer":
        path.write_bytes(content + b"\0")
    else:
        path.write_bytes(bytes(byte ^ 0x55 for byte in content))
    assert cache.open_entry(entry.parent.name) is None
    assert load(pictures).fingerprint == fingerprint
    assert cache.open_entry(entry.parent.name) is not None
    assert entries(directory) == [entry.parent.name]


@pytest.mark.parametrize("about", ["", "[]", "null", "{}", '{"sizes": 1}', '{"sizes": {}}', "\0"])
def test_an_entry_that_says_nothing_of_itself_is_none(directory, about):
    key, _ = build()
    (directory / key / "entry.json").write_text(about)
    assert cache.open_entry(key) is None
    assert [stored.state for stored in cache.find_stored()] == ["damaged"]


@pytest.mark.parametrize("checksums", [None, {}, {"names.json": 0, "examples.npy": 0}])
def test_an_entry_without_its_checksums_is_none(directory, checksums):
    key, _ = build()
    path = directory / key / "entry.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"checksums": checksums}))
    assert cache.open_entry(key) is None


@pytest.mark.parametrize(
    "error", [RuntimeError("no"), KeyboardInterrupt(), DataError("no"), OSError(5, "no")]
)
def test_a_building_that_fails_leaves_nothing(directory, error):
    def fail():
        with cache.building("ab" * 12) as folder:
            cache.new_images(folder, (1000, 8, 8, 1))
            raise error

    with pytest.raises(type(error), match=r"no|^$"):
        fail()
    assert entries(directory) == []
    build()


def test_what_killed_runs_left_is_removed_by_the_next_that_builds(directory):
    left = [f"{'ab' * 12}.partial", f"{'cd' * 12}.partial", f"{'ef' * 12}.0123abcd.removed"]
    for name in left:
        (directory / name).mkdir(parents=True)
        (directory / name / "images.npy").write_bytes(bytes(1000))
    assert {stored.state for stored in cache.find_stored()} == {"left over"}
    key, _ = build("ab" * 12)
    assert entries(directory) == [key]


def test_what_is_being_built_is_left_alone(directory, many_pictures):
    process = start(many_pictures, pause=0.2)
    process.stdin.write("go\n")
    process.stdin.flush()
    while not any(stored.state == "being built" for stored in cache.find_stored()):
        time.sleep(0.01)
        assert process.poll() is None
    (stored,) = cache.find_stored()
    assert not cache.remove_stored(stored)
    build("12" * 12 if stored.key[:2] != "12" else "34" * 12)
    assert len(entries(directory)) == 2
    assert finished(process).startswith("True")
    assert load(many_pictures).fingerprint


def test_other_files_in_the_directory_are_not_touched(directory):
    directory.mkdir()
    (directory / "mine").mkdir()
    (directory / "mine.partial").mkdir()
    (directory / ("ab" * 12)).write_text("a file")
    build("cd" * 12)
    assert entries(directory) == sorted(["mine", "mine.partial", "ab" * 12, "cd" * 12])
    assert [stored.key for stored in cache.find_stored()] == ["cd" * 12]


def test_locks_do_not_accumulate(directory):
    for number in range(300):
        with cache.building(cache.key_of(number)):
            pass
    assert len(list((directory / "locks").iterdir())) <= 256


def test_an_entry_in_use_can_be_removed(directory, pictures):
    key, images = build()
    entry = cache.open_entry(key)
    (stored,) = cache.find_stored()
    assert cache.remove_stored(stored)
    assert entries(directory) == []
    assert np.array_equal(entry.images, images)
    assert cache.remove_stored(stored)  # which is what was wanted


def test_entries_are_found_by_name_and_by_key(directory):
    build("ab" * 12)
    build("cd" * 12)
    assert [stored.key for stored in cache.find_stored(["cdcd"])] == ["cd" * 12]
    assert len(cache.find_stored(["some"])) == 2
    assert len(cache.find_stored(["abab", "some"])) == 2
    with pytest.raises(DataError, match="matches 'sone'; did you mean 'some'"):
        cache.find_stored(["some", "sone"])


def test_what_was_used_last_is_listed_first(directory):
    for key in ("ab" * 12, "cd" * 12):
        build(key)
        os.utime(directory / key / "entry.json", (1000, 1000))
    cache.open_entry("ab" * 12)
    assert [stored.key[:2] for stored in cache.find_stored()] == ["ab", "cd"]
    os.utime(directory / ("ab" * 12) / "entry.json", (999, 999))
    assert [stored.key[:2] for stored in cache.find_stored()] == ["cd", "ab"]


def test_the_size_of_an_entry_is_what_its_files_take(directory):
    key, _ = build()
    (stored,) = cache.find_stored()
    assert stored.size == sum(path.stat().st_size for path in (directory / key).iterdir())


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNZOO_CACHE", "relative")
    assert cache_directory() == tmp_path / "relative"
    monkeypatch.delenv("CNNZOO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_directory() == Path("/xdg/cnnzoo")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_directory() == Path("/home/somebody/.cache/cnnzoo")
    monkeypatch.setenv("XDG_CACHE_HOME", "~/mine")
    assert cache_directory() == Path("/home/somebody/mine/cnnzoo")
    monkeypatch.setenv("CNNZOO_CACHE", "~/own")
    assert cache_directory() == Path("/home/somebody/own")


def test_without_a_home_directory_the_way_out_is_named(monkeypatch):
    monkeypatch.delenv("CNNZOO_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: Path("~nobody-of-that-name").expanduser())
    with pytest.raises(DataError, match="the home directory") as failed:
        cache_directory()
    assert "CNNZOO_CACHE" in str(failed.value)


def test_a_cache_that_cannot_be_written_is_one_message(monkeypatch, tmp_path, pictures):
    (tmp_path / "file").write_text("no directory")
    monkeypatch.setenv("CNNZOO_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match=r"the cache .* cannot be written: Not a dir") as failed:
        load(pictures)
    assert "set CNNZOO_CACHE" in str(failed.value)
    assert cache.find_stored() == []


def test_a_cache_that_can_only_be_read_serves_what_is_in_it(directory, pictures, monkeypatch):
    fingerprint = load(pictures).fingerprint

    def refuse(*arguments, **keywords):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    for name in ("mkdir", "rename", "write_bytes", "write_text"):
        monkeypatch.setattr(Path, name, refuse)
    monkeypatch.setattr(os, "utime", refuse)
    assert load(pictures).fingerprint == fingerprint
    with pytest.raises(DataError, match="cannot be written: Permission denied"):
        load(pictures, limit=3)


def test_no_room_is_said_before_anything_is_decoded(directory, pictures, monkeypatch):
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")(10, 10, 1000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(DataError, match=r"60 images of 8x8x1 take 0.0 GiB, and the") as failed:
        load(pictures)
    assert "cnnzoo data cache" in str(failed.value)
    assert entries(directory) == []


@pytest.mark.parametrize("name", ["_reserve", "_sync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_is_one_line_and_leaves_nothing(directory, pictures, monkeypatch, name, number):
    def fail(path):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(cache, name, fail)
        problem = "cannot be written: Input" if number == errno.EIO else "is full"
        with pytest.raises(DataError, match=problem):
            load(pictures)
    assert entries(directory) == []
    assert load(pictures).fingerprint


def flip_pixels(directory):
    """Change some pixels in the only entry, and keep its size and times."""
    (path,) = directory.glob("*/images.npy")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    content = bytearray(path.read_bytes())
    content[-3] ^= 0xFF
    path.write_bytes(content)
    os.utime(path, ns=times)


def test_changed_pixels_in_the_cache_are_decoded_again(directory, pictures):
    first = load(pictures)
    flip_pixels(directory)
    again = load(pictures)
    assert again.fingerprint == first.fingerprint
    for split, examples in first.splits.items():
        assert np.array_equal(examples.images, again.splits[split].images)


def test_changed_pixels_are_noticed_when_large_data_are_first_read(
    directory, pictures, monkeypatch
):
    monkeypatch.setattr("cnnzoo.datasets.load.MAX_IN_MEMORY", 0)
    whole = load(pictures).splits
    for examples in whole.values():
        assert examples.images[0:99].any()
    flip_pixels(directory)
    reasons = []
    for examples in load(pictures).splits.values():
        for row in range(len(examples)):
            try:
                examples.images[np.array([row])]
            except DataError as error:
                reasons.append(str(error))
    assert len(reasons) == 1
    assert "pixels changed on the disk" in reasons[0]
    assert "cnnzoo data cache --clear" in reasons[0]


def test_pixels_of_large_data_are_compared_once(directory, pictures, monkeypatch):
    monkeypatch.setattr("cnnzoo.datasets.load.MAX_IN_MEMORY", 0)
    images = load(pictures).splits["train"].images
    compared = []

    def counted(images, rows):
        compared.append(len(rows))
        return row_digests(images, rows)

    monkeypatch.setattr("cnnzoo.datasets.dataset.row_digests", counted)
    count = images.shape[0]
    images[0:5]
    images[np.array([3, 4, 5])]
    images[0:count]
    images[0:count]
    assert compared == [5, 1, count - 6]


@pytest.mark.parametrize("name", ["images.npy", "examples.npy", "names.json", "entry.json"])
@pytest.mark.parametrize("kind", ["fifo", "device", "link", "folder"])
def test_only_regular_files_of_an_entry_are_opened(directory, pictures, name, kind, tmp_path):
    fingerprint = load(pictures).fingerprint
    (path,) = directory.glob(f"*/{name}")
    moved = path.rename(tmp_path / "moved")
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(moved if kind == "link" else "/dev/zero")
    if (name, kind) != ("entry.json", "link"):  # a link to the true file is as good as it
        assert cache.open_entry(path.parent.name) is None
    assert load(pictures).fingerprint == fingerprint
    assert len(cache.find_stored()) == 1


@pytest.mark.parametrize("kind", ["fifo", "file", "link", "dangling"])
def test_a_special_file_in_place_of_an_entry_is_replaced(directory, pictures, kind, tmp_path):
    fingerprint = load(pictures).fingerprint
    (stored,) = cache.find_stored()
    path = directory / stored.key
    elsewhere = path.rename(tmp_path / "elsewhere")
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "file":
        path.write_bytes(b"content")
    else:
        path.symlink_to(elsewhere if kind == "link" else "nowhere")
    assert cache.open_entry(stored.key) is None
    assert load(pictures).fingerprint == fingerprint
    assert entries(directory) == [stored.key]
    assert not path.is_symlink()
    assert (elsewhere / "images.npy").is_file()


def test_an_edited_description_is_damage(directory, pictures):
    fingerprint = load(pictures).fingerprint
    (path,) = directory.glob("*/entry.json")
    for old, new in (("dog", "dot"), ("class_names", "class_mames")):
        path.write_text(path.read_text().replace(old, new))
        assert cache.open_entry(path.parent.name) is None
        assert load(pictures).class_names == ("cat", "dog")
        assert load(pictures).fingerprint == fingerprint


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_room_is_taken_where_the_system_cannot_reserve_it(directory, monkeypatch, number):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    with cache.building("ab" * 12) as folder:
        cache.new_images(folder, (3, 1000, 1000, 1))
        stat = (folder / "images.npy").stat()
        assert stat.st_blocks * 512 >= stat.st_size
        assert np.load(folder / "images.npy").shape == (3, 1000, 1000, 1)


def test_a_limit_on_the_size_of_files_is_one_line(directory, many_pictures):
    prepare = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))"
    assert "cannot be written: File too large" in finished(start(many_pictures, prepare=prepare))
    assert entries(directory) == []


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a disk of so many bytes at a directory, or skips."""
    path = tmp_path / "disk"
    path.mkdir()

    def mount(size):
        options = f"size={size}" if not path.is_mount() else f"remount,size={size}"
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
        try:
            done = subprocess.run(words, capture_output=True, check=False)
        except OSError:
            pytest.skip("there is no mount here")
        if done.returncode:
            pytest.skip("a small disk can only be mounted by root")
        return path

    yield mount
    if path.is_mount():
        subprocess.run(["umount", str(path)], check=True)


@pytest.mark.slow
def test_however_small_the_disk_it_is_one_line_and_leaves_nothing(
    small_disk, many_pictures, monkeypatch
):
    """The room for the images is taken before they are written: no process dies of a full disk."""
    monkeypatch.setenv("CNNZOO_CACHE", str(small_disk(2**20) / "cache"))
    trust = "from collections import namedtuple; import shutil; "
    trust += "shutil.disk_usage = lambda path: namedtuple('usage', 'free')(2**40)"
    for size in (8192, 100_000, 200_000, 250_000):  # 154 kB of images, 270 kB with the rest
        directory = small_disk(size) / "cache"
        assert f"the disk of the cache {directory} is full" in finished(
            start(many_pictures, prepare=trust)
        )
        assert not directory.exists() or entries(directory) == []
    small_disk(2**20)
    assert finished(start(many_pictures)).startswith("True")


# What the building of an entry does one after another; a process is killed before and after each.
STEPS = ["_lock", "_remove_left_overs", "new_images", "_reserve", "row_digests", "finish", "_sync"]


@pytest.mark.slow
@pytest.mark.parametrize("step", [*STEPS, "_discard"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_the_next_run_makes_it_whole(directory, pictures, step, when):
    expected = load(pictures).fingerprint
    (stored,) = cache.find_stored()
    (directory / stored.key / "names.json").unlink()  # a damaged one is in the way
    prepare = f"""
import os, signal
step = cache.{step}
def last(*arguments, **keywords):
    {"step(*arguments, **keywords)" if when == "after" else ""}
    os.kill(os.getpid(), signal.SIGKILL)
cache.{step} = last
"""
    process = start(pictures, prepare=prepare)
    process.communicate("go\n", timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert cache.open_entry(stored.key) is None
    assert load(pictures).fingerprint == expected
    assert entries(directory) == [stored.key]


@pytest.mark.slow
def test_killed_at_any_moment_the_next_run_makes_it_whole(directory, many_pictures):
    started = time.perf_counter()
    expected = load(many_pictures).fingerprint
    seconds = time.perf_counter() - started
    (stored,) = cache.find_stored()
    rng = random.Random(os.getpid())
    for _ in range(KILLS):
        cache.remove_stored(stored)
        for _ in range(rng.choice([1, 1, 2])):
            process = start(many_pictures)
            process.stdin.write("go\n")
            process.stdin.flush()
            time.sleep(rng.uniform(0, 1.2 * seconds))
            process.kill()
            process.communicate()
            entry = cache.open_entry(stored.key)
            if entry:
                assert np.array_equal(row_digests(entry.images, entry.rows), entry.digests)
        assert load(many_pictures).fingerprint == expected
        assert entries(directory) == [stored.key]


def test_of_two_that_want_one_entry_one_decodes(directory, many_pictures):
    processes = [start(many_pictures, pause=0.05) for _ in range(2)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [finished(process).split() for process in processes]
    assert sorted(decoded for decoded, _ in outputs) == ["False", "True"]
    assert outputs[0][1] == outputs[1][1] == load(many_pictures).fingerprint


def test_two_that_want_different_entries_get_them(directory, pictures, many_pictures):
    processes = [start(pictures), start(many_pictures, pause=0.02)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert all(finished(process).startswith("True") for process in processes)
    assert len(entries(directory)) == 2


def test_what_an_entry_says_of_itself_can_be_read_by_others(directory, pictures):
    load(pictures)
    (path,) = directory.glob("*/entry.json")
    about = json.loads(path.read_text())
    assert about["source"] == {"folder": str(pictures)}
    assert about["class_names"] == ["cat", "dog"]
    assert set(about["sizes"]) == {"images.npy", "examples.npy", "names.json"}
