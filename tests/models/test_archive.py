from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from cnnzoo.errors import UserError
from cnnzoo.models import archive
from cnnzoo.models.archive import read_architecture


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


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(UserError, match=r"is no \.keras file"):
        read_architecture(tmp_path / "m.h5")
    with pytest.raises(UserError, match=r"is no \.keras file"):
        read_architecture(write(tmp_path / "m.zip", "{}", member="other.json"))
    with pytest.raises(UserError, match="No such file"):
        read_architecture(tmp_path / "absent.keras")
    with pytest.raises(UserError, match="cannot be read"):
        read_architecture(tmp_path)


def test_a_description_that_unpacks_beyond_all_bounds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 20)
    path = write(tmp_path / "m.keras", " " * (2 << 20))
    assert path.stat().st_size < 10_000
    with pytest.raises(UserError, match="larger than 1 MiB"):
        read_architecture(path)
