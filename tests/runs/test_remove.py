from __future__ import annotations

import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.errors import RunError
from cnnzoo.runs.remove import check_removable, remove_run
from cnnzoo.runs.run import FINISHED, create_run


@pytest.fixture
def run(tiny, tmp_path):
    run = create_run(tmp_path / "runs", load_config(tiny))
    run.update(status=FINISHED, started="2026-01-01T00:00:00+00:00")
    return run


def test_the_directory_and_its_empty_parent_are_deleted(run):
    remove_run(run)
    assert not run.path.parent.exists()
    assert run.path.parent.parent.exists()


def test_other_runs_stay(run, tiny):
    other = create_run(run.path.parent.parent, load_config(tiny))
    remove_run(run)
    assert not run.path.exists()
    assert other.path.exists()


def test_a_damaged_run_can_be_deleted(run):
    (run.path / "run.json").write_text("{")
    (run.path / "config.yaml").unlink()
    remove_run(check_removable(run.path))
    assert not run.path.exists()


def test_a_run_that_is_trained_is_not_deleted(run):
    with run.training(), pytest.raises(RunError, match="is being trained"):
        remove_run(run)
    assert (run.path / "config.yaml").exists()


def test_only_runs_are_deleted(run, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/run.json").touch()
    for path, message in (
        (tmp_path / "photos", "is not a run directory"),
        (run.path.parent, "is not a run directory"),
        (tmp_path / "none/1", "does not exist"),
    ):
        with pytest.raises(RunError, match=message):
            check_removable(path)
    link = tmp_path / "1"
    link.symlink_to(run.path)
    with pytest.raises(RunError, match="is a link"):
        check_removable(link)
    assert run.path.exists()
