from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from cnnzoo.errors import DataError
from cnnzoo.evaluation.paths import find_files, listed_files


@pytest.fixture(autouse=True)
def _in_a_folder_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (
        "p/b.png",
        "p/a.JPG",
        "p/a.txt",
        "p/.hidden.png",
        "p/deep/c.webp",
        "p/deep/er/d.gif",
        "p/.git/e.png",
        "q/[1].png",
    ):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(*words: str | Path, stdin: bytes = b"") -> list[str]:
    files = list(find_files(words, io.BytesIO(stdin)))
    assert not [problem for _, problem in files if problem]
    return [path for path, _ in files]


def test_a_folder_is_all_images_below_it_in_order() -> None:
    expected = ["p/a.JPG", "p/b.png", "p/deep/c.webp", "p/deep/er/d.gif"]
    assert found("p") == expected
    assert found(Path("p")) == found("p/") == expected
    assert found("p/deep", "q") == ["p/deep/c.webp", "p/deep/er/d.gif", "q/[1].png"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("p/*.png", ["p/b.png"]),
        ("p/?.*", ["p/a.JPG", "p/a.txt", "p/b.png"]),
        ("p/d*", ["p/deep/c.webp", "p/deep/er/d.gif"]),
        ("p/**/*.gif", ["p/deep/er/d.gif"]),
        ("p/deep/**", ["p/deep/c.webp", "p/deep/er/d.gif"]),
    ],
)
def test_a_pattern_is_what_it_matches(pattern: str, expected: list[str]) -> None:
    assert found(pattern) == expected


def test_a_file_that_looks_like_a_pattern_is_that_file() -> None:
    assert found("q/[1].png") == ["q/[1].png"]


def test_words_keep_their_order_and_may_repeat() -> None:
    assert found("p/b.png", "none.png", "p/b.png") == ["p/b.png", "none.png", "p/b.png"]


def test_a_link_that_leads_back_is_not_followed_for_ever() -> None:
    Path("p/deep/loop").symlink_to(Path("p").resolve())
    assert found("p") == ["p/a.JPG", "p/b.png", "p/deep/c.webp", "p/deep/er/d.gif"]
    Path("r").mkdir()
    Path("r/linked").symlink_to(Path("q").resolve())
    assert found("r") == ["r/linked/[1].png"]


@pytest.mark.parametrize("end", [b"\n", b"\0"])
@pytest.mark.parametrize("last", [True, False])
def test_a_list_is_a_file_a_line(end: bytes, last: bool) -> None:
    names = ["a b.png", "q/*.png", "ä.png", os.fsdecode(b"\xff.png")]
    text = end.join(map(os.fsencode, names)) + (end if last else b"")
    assert found("-", stdin=text) == names


def test_a_list_is_read_as_it_comes() -> None:
    class Slow(io.RawIOBase):
        blocks = [b"a.p", b"ng\nb", b".png\n\n", b"c.png"]

        def read1(self, size: int) -> bytes:
            return self.blocks.pop(0) if self.blocks else b""

    slow = Slow()
    files = listed_files(slow)  # type: ignore[arg-type]
    assert next(files) == "a.png"
    assert len(slow.blocks) == 2
    assert list(files) == ["b.png", "c.png"]


WINDOWS = ["cat\\0.png", "dog\\ü 1.png", "plain.png"]


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_a_list_may_come_from_windows(end: str, encoding: str, size: int) -> None:
    text = end.join(WINDOWS) + end

    class Blocks(io.RawIOBase):
        def __init__(self) -> None:
            self.stream = io.BytesIO(text.encode(encoding))

        def read1(self, most: int) -> bytes:
            return self.stream.read(size)

    assert list(listed_files(Blocks())) == ["cat/0.png", "dog/ü 1.png", "plain.png"]  # type: ignore[arg-type]


def test_a_backslash_in_a_name_that_exists_is_kept() -> None:
    Path("a\\b.png").touch()
    assert found("-", stdin=b"a\\b.png\nc\\d.png") == ["a\\b.png", "c/d.png"]


def test_a_list_that_ends_with_nuls_keeps_its_line_breaks() -> None:
    assert found("-", stdin=b"a\r\nb.png\0c.png\r\0") == ["a\r\nb.png", "c.png\r"]


def test_other_files_and_system_folders_are_told_in_a_line() -> None:
    for name in ("a.heic", "b.HEIC", "noname", "#recycle/x.png", "@eaDir/y.png", "Thumbs.db"):
        path = Path("p", name)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    notes: list[str] = []
    files = [path for path, _ in find_files(["p", "q"], on_note=notes.append)]
    assert files == ["p/a.JPG", "p/b.png", "p/deep/c.webp", "p/deep/er/d.gif", "q/[1].png"]
    assert notes == ["p: 4 files not read as images: 2 .heic, 1 .txt, 1 no suffix"]


def test_without_standard_input_a_dash_is_a_file() -> None:
    assert list(find_files(["-"])) == [("-", None)]


def test_a_word_that_names_nothing_is_said_in_its_place() -> None:
    Path("none").mkdir()
    files = list(find_files(["*.tif", "none", "p/b.png", "*.bmp"]))
    assert files == [
        ("*.tif", "matches no file"),
        ("none", "has no images below it"),
        ("p/b.png", None),
        ("*.bmp", "matches no file"),
    ]


def test_a_folder_that_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path == "p/deep":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    files = list(find_files(["p"]))
    assert files == [("p/a.JPG", None), ("p/b.png", None), ("p/deep", "Permission denied")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no file to predict"),
        (["-"], "no file to predict"),
        (["*.tif", "empty"], r"no file to predict: \*\.tif matches no file; empty has no images"),
    ],
)
def test_no_file_at_all_is_a_mistake(words: list[str], message: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(DataError, match=message):
        find_files(words, io.BytesIO())


def test_a_list_without_ends_of_lines_is_refused() -> None:
    class Endless(io.RawIOBase):
        def read1(self, size: int) -> bytes:
            return b"x" * size

    with pytest.raises(DataError, match="a line of more than 65,536 bytes"):
        next(listed_files(Endless()))  # type: ignore[arg-type]
