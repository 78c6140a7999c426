from __future__ import annotations

import shutil

import pytest
from conftest import TINY

import cnnzoo
from cnnzoo.errors import DataError, RunError
from cnnzoo.models.saved import load_model, read_description, save_model
from cnnzoo.runs.run import Run
from cnnzoo.training.reproduce import reproduce


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    (folder / "tiny.yaml").write_text(TINY)
    return cnnzoo.train(cnnzoo.load_config(folder / "tiny.yaml"), folder / "runs")


@pytest.fixture
def copied(run, tmp_path):
    """The run directory alone, somewhere else, under another name."""
    shutil.copytree(run.path, tmp_path / "elsewhere")
    return Run(tmp_path / "elsewhere")


def test_a_run_directory_is_enough_to_reach_the_same_bits(copied, tmp_path):
    found = reproduce(copied)
    assert found.identical
    assert found.run.path == tmp_path / "tiny/1"
    assert found.arrays == 4
    assert not found.environment
    assert not found.past


def test_what_differs_is_said(copied, tmp_path):
    """Of a run that claims something else than its configuration leads to."""
    model = load_model(copied.model_path)
    weight = model.weights[0]
    weight.assign(weight + 0.25)
    save_model(model, copied.model_path, read_description(copied.model_path))
    rows = copied.history_path.read_text().splitlines()
    copied.history_path.write_text("\n".join([*rows[:2], rows[2].replace("2,", "2,1", 1)]) + "\n")
    record = copied.record()
    resumed = {"epoch": 2, "changes": {"training.epochs": ["1", "2"]}, "environment": []}
    copied.update(versions={**record["versions"], "numpy": "1.0"}, resumed=[resumed])
    found = reproduce(copied, tmp_path / "runs")
    assert not found.identical
    assert found.weights == {weight.path: pytest.approx(0.25)}
    assert found.epoch == 2
    assert [line.partition(" →")[0] for line in found.environment] == ["numpy: 1.0"]
    (past,) = found.past
    assert "resumed in epoch 2, and training.epochs changed: 1 → 2" in past


def test_what_has_no_end_cannot_be_compared(copied):
    copied.update(status="interrupted")
    with pytest.raises(RunError, match="is not finished"):
        reproduce(copied)


def test_other_data_are_refused_before_anything_is_trained(copied, tmp_path):
    record = copied.record()
    copied.update(data={**record["data"], "fingerprint": "0123"})
    with pytest.raises(DataError, match="has changed since"):
        reproduce(copied, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
