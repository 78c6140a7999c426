from __future__ import annotations

import pytest
from sweeps import raw_sweep

from cnnzoo.errors import UserError
from cnnzoo.studies.sweep_directory import create_directory
from cnnzoo.studies.sweep_storage import open_storage, shown_url, without_password


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("postgresql://me:secret@host:5432/studies", "postgresql://me@host:5432/studies"),
        ("--storage=mysql+pymysql://me:a:b@host/it", "--storage=mysql+pymysql://me@host/it"),
        ("postgresql://me@host/studies", "postgresql://me@host/studies"),
        ("sqlite:///studies.db", "sqlite:///studies.db"),
        ("data.folder=a:b@c", "data.folder=a:b@c"),
    ],
)
def test_passwords_are_not_recorded(word, shown):
    assert without_password(word) == shown
    assert shown_url(word) == shown
    assert shown_url(None) == ""


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("studies.db", "is not the URL of a database"),
        ("nodb://host/studies", "the database of --storage cannot be used"),
        ("sqlite:////nowhere/at/all.db", "the database of --storage cannot be used"),
    ],
)
def test_a_database_that_cannot_be_used_is_reported(tmp_path, url, message):
    directory = create_directory(tmp_path / "sweeps/quick", raw_sweep(tmp_path))
    with pytest.raises(UserError, match=message):
        open_storage(directory, url)
