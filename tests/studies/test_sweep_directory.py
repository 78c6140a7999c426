from __future__ import annotations

import os

import pytest
from PIL import Image
from sweeps import TEXT, raw_sweep

from cnnzoo.config.loader import load_raw
from cnnzoo.errors import RunError
from cnnzoo.studies.sweep_directory import SweepDirectory, create_directory


def test_paths_in_choices_stay_valid_elsewhere(tmp_path):
    for kind in ("a", "b"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / kind / "1.png")
    path = tmp_path / "quick.yaml"
    path.write_text(TEXT.replace("training.batch_size: [16, 32]", "data.folder: [photos]"))
    raw = load_raw(path)
    directory = create_directory(tmp_path / "sweeps/quick", raw)
    choice = directory.sweep().parameters["data.folder"]
    assert choice.plain() == [str(tmp_path / "photos")]


def test_runs_are_numbered_without_gaps(tmp_path):
    directory = create_directory(tmp_path / "sweeps/quick", raw_sweep(tmp_path))
    assert [run.path.name for run in directory.runs(1, 1)] == ["1"]
    assert [run.path.name for run in directory.runs(2, 3)] == ["4", "5", "6"]


def test_runs_of_others_are_not_taken_for_trials(tmp_path):
    (tmp_path / "runs/quick/1").mkdir(parents=True)
    with pytest.raises(RunError, match=r"has runs, such as .*1, but is not a sweep"):
        create_directory(tmp_path / "runs/quick", raw_sweep(tmp_path))


def test_a_sweep_is_chosen_by_path_name_or_last_use(tmp_path):
    one = create_directory(tmp_path / "sweeps/one", raw_sweep(tmp_path))
    two = create_directory(tmp_path / "sweeps/two", raw_sweep(tmp_path))
    os.utime(two.config_path, (1, 1))
    root = tmp_path / "sweeps"
    assert [sweep.name for sweep in SweepDirectory.all_in(root)] == ["two", "one"]
    assert SweepDirectory.choose(None, root).path == one.path
    assert SweepDirectory.choose("two", root).path == two.path
    assert SweepDirectory.choose(str(two), "elsewhere").path == two.path
    with pytest.raises(RunError, match="'twoo' does not exist; did you mean 'two'"):
        SweepDirectory.choose("twoo", root)
    with pytest.raises(RunError, match="no sweeps in"):
        SweepDirectory.choose(None, tmp_path / "none")
