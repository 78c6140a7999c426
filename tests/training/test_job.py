from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pytest
from conftest import loaded_modules
from PIL import Image

import cnnzoo
from cnnzoo.datasets.sources import folder as folder_source
from cnnzoo.errors import ConfigError, DataError
from cnnzoo.training.job import prepare
from cnnzoo.training.progress import Display
from cnnzoo.training.settings import Settings


@pytest.fixture
def photos(tmp_path) -> Path:
    for name, value in (("cat", 10), ("dog", 200)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            image = Image.new("L", (8, 8), value + number)
            image.save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def walks(monkeypatch) -> list[str]:
    """The folders that were walked."""
    walked: list[str] = []
    walk = folder_source._walk

    def count(data, *words):
        walked.append(data.folder)
        return walk(data, *words)

    monkeypatch.setattr(folder_source, "_walk", count)
    return walked


def test_a_training_walks_its_folder_once(tiny, tmp_path, photos, walks):
    config = cnnzoo.load_config(tiny, [f"data.folder={photos}", "training.epochs=1"])
    for number in (1, 2):  # when the images are decoded, and when the cache has them
        cnnzoo.train(config, tmp_path / "runs")
        assert walks == [str(photos)] * number


def test_a_job_is_a_plain_value_with_nothing_left_open(tiny, tmp_path, photos):
    notes: list[str] = []

    class Noting(Display):
        def note(self, text):
            notes.append(text)

    words = [f"data.folder={photos}", "training.batch_size=auto", "training.precision=float32"]
    job = prepare(cnnzoo.load_config(tiny, words), display=Noting())
    assert job.dataset.class_names == ("cat", "dog")
    assert job.architecture.output_shape == (2,)
    assert job.head == "categorical"
    assert job.settings.batch_size == 16
    assert notes[-1:] == [f"batch size: 16, for {len(job.dataset.splits['train'])} examples"]
    assert job.seconds > 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.head = "binary"
    again = pickle.loads(pickle.dumps(job))  # noqa: S301 - our own value
    assert (again.settings, again.head) == (job.settings, job.head)
    assert again.config.plain() == job.config.plain()
    assert (again.dataset.splits["train"].images == job.dataset.splits["train"].images).all()
    assert not (tmp_path / "runs").exists()


def test_settings_of_an_earlier_training_are_used_as_they_are(tiny):
    settings = Settings(7, 3, "mixed_bfloat16")
    config = cnnzoo.load_config(tiny, ["training.batch_size=auto"])
    assert prepare(config, settings=settings).settings == settings


def test_a_mistake_in_the_configuration_is_found_before_an_image_is_decoded(tiny, photos):
    decoded = []

    class Watching(Display):
        def decode(self, done, total):
            decoded.append(done)

    words = [f"data.folder={photos}", "training.class_weight={cow: 2}"]
    with pytest.raises(ConfigError, match="unknown class 'cow'"):
        prepare(cnnzoo.load_config(tiny, words), display=Watching())
    assert not decoded


def test_initial_weights_are_checked_unless_the_training_does_not_use_them(tiny):
    config = cnnzoo.load_config(tiny, ["init_from=none.keras"])
    with pytest.raises(ConfigError, match=r"none\.keras"):
        prepare(config)
    assert prepare(config, initial_weights=False).config is config


def test_data_without_examples_for_the_training_are_refused(tiny):
    config = cnnzoo.load_config(tiny, ["data.splits.validation=0"])
    with pytest.raises(DataError, match="no examples are held out"):
        prepare(config)


def test_checking_a_configuration_loads_no_framework():
    code = (
        "from cnnzoo.config.loader import load_config\n"
        "from cnnzoo.training.checks import check_config\n"
        "check_config(load_config('lenet'))"
    )
    assert loaded_modules(code, ("keras", "tensorflow", "jax", "numpy", "h5py")) == []
