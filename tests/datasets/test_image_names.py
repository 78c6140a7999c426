from __future__ import annotations

import pytest

from cnnzoo.datasets.image_names import (
    SYSTEM_FILES,
    SYSTEM_FOLDERS,
    count_kinds,
    is_hidden,
    is_image,
    is_system_folder,
    others_text,
)


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("a.png", True),
        ("a.JPeG", True),
        (".a.png", False),
        ("a.heic", False),
        ("png", False),
        ("", False),
    ],
)
def test_the_suffix_tells_an_image(name, image):
    assert is_image(name) == image


@pytest.mark.parametrize("name", ["#recycle", "@eaDir", "$RECYCLE.BIN", "__MACOSX", "Lost+Found"])
def test_folders_of_a_system_are_known_in_any_case(name):
    assert is_system_folder(name)
    assert is_hidden(name)


@pytest.mark.parametrize("name", [".Trashes", ".git", "Thumbs.db", "desktop.ini"])
def test_hidden_names(name):
    assert is_hidden(name)
    assert not is_system_folder(name)


@pytest.mark.parametrize("name", ["cat", "#1", "@home", "$5", "recycle", "~", "macosx"])
def test_ordinary_names_are_not_hidden(name):
    assert not is_hidden(name)


def test_system_names_are_in_lower_case():
    for name in SYSTEM_FOLDERS | SYSTEM_FILES:
        assert name == name.casefold()


def test_other_files_are_counted_by_their_kinds():
    kinds = count_kinds(["a.heic", "b.HEIC", "c", "d.txt", "e.tar.gz"])
    assert others_text(kinds) == ("5 files not read as images: 2 .heic, 1 .gz, 1 .txt, 1 no suffix")
    assert others_text(count_kinds(["a"])) == "1 file not read as images: 1 no suffix"
    many = count_kinds(f"x.{letter}" for letter in "abcdefghij")
    assert others_text(many).endswith("1 .e, 1 .f, … 4 more")
