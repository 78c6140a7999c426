from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from cnnzoo import limits
from cnnzoo.errors import UserError
from cnnzoo.models.archive import check_members, copy_with, read_architecture

MEMBERS = ("metadata.json", "config.json", "model.weights.h5")


def write(path: Path, text: str | bytes, member: str = "config.json") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(member, text)
    return path


def test_it_is_what_the_file_says(tmp_path: Path) -> None:
    described = {"class_name": "Sequential", "config": {"layers": []}}
    assert read_architecture(write(tmp_path / "m.keras", json.dumps(described))) == described


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ("{}", "is damaged"),
        ('{"config": 3}', "is damaged"),
        (b"\xff\xfe\xff", "is damaged"),
        ("[" * 100_000, "is damaged"),
    ],
)
def test_a_damaged_description_is_said(text: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_architecture(write(tmp_path / "m.keras", text))
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_an_archive_is_named_by_its_kind(tmp_path: Path) -> None:
    (tmp_path / "m.keras").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(UserError, match=r"is an HDF5 file"):
        read_architecture(tmp_path / "m.keras")
    (tmp_path / "m.keras").write_text("text")
    with pytest.raises(UserError, match=r"it is not a zip archive"):
        read_architecture(tmp_path / "m.keras")
    with pytest.raises(UserError, match=r"its config\.json cannot be read"):
        read_architecture(write(tmp_path / "m.zip", "{}", member="other.json"))
    with pytest.raises(UserError, match="No such file"):
        read_architecture(tmp_path / "absent.keras")
    with pytest.raises(UserError, match="cannot be read"):
        read_architecture(tmp_path)


def test_a_description_that_unpacks_beyond_all_bounds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "JSON_BYTES", 1 << 20)
    path = write(tmp_path / "m.keras", " " * (2 << 20))
    assert path.stat().st_size < 10_000
    with pytest.raises(UserError, match=r"larger than 1\.0 MiB"):
        read_architecture(path)


def archive(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, "{}")
    return path


def test_members_of_a_model(tmp_path: Path) -> None:
    check_members(archive(tmp_path / "m.keras", *MEMBERS))
    check_members(archive(tmp_path / "m.keras", *MEMBERS, "assets/words.txt"), assets=True)
    for others in (("assets/words.txt",), ("../x",), ("model.weights.npz",)):
        with pytest.raises(UserError, match="holds more than a model"):
            check_members(archive(tmp_path / "m.keras", *MEMBERS, *others))
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = archive(tmp_path / "m.keras", *MEMBERS, "config.json")
    with pytest.raises(UserError, match="holds more than a model"):
        check_members(twice)
    with pytest.raises(UserError, match=r"is damaged: it has no config\.json, model\.weights\.h5"):
        check_members(archive(tmp_path / "m.keras", "metadata.json"))


def test_members_that_unpack_to_much_more_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SMALL_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as file:
        for name in MEMBERS:
            file.writestr(name, " " * (1 << 19))
    with pytest.raises(UserError, match=r"unpacks to 1\.5 MiB; the limit is 1\.0 MiB"):
        check_members(tmp_path / "m.keras")


def test_a_copy_with_another_member(tmp_path: Path) -> None:
    copy_with(archive(tmp_path / "m.keras", *MEMBERS), tmp_path / "n.keras", "config.json", "[]")
    with zipfile.ZipFile(tmp_path / "n.keras") as file:
        assert file.namelist() == list(MEMBERS)
        assert [file.read(name) for name in MEMBERS] == [b"{}", b"[]", b"{}"]
