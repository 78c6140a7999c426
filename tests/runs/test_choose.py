from __future__ import annotations

import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.errors import RunError, UserError
from cnnzoo.runs.choose import choose_compared, choose_model, choose_run, split_model
from cnnzoo.runs.run import FINISHED, Run, create_run
from cnnzoo.runs.trained import is_trained


@pytest.fixture
def runs(tiny, tmp_path, monkeypatch):
    """Eleven runs of one name and one of another, which was started last."""
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        name = "other" if number == 11 else "tiny"
        run = create_run("runs", load_config(tiny, [f"name={name}"]))
        run.update(status=FINISHED, started=f"2026-01-01T00:{number:02}:00+00:00")
    return tmp_path


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("runs/tiny/2", "runs/tiny/2"),
        ("runs/tiny/2/", "runs/tiny/2"),
        ("tiny", "runs/tiny/11"),
        ("runs/tiny", "runs/tiny/11"),
        ("other", "runs/other/1"),
        (None, "runs/other/1"),
    ],
)
def test_a_word_names_a_run(runs, word, path):
    assert str(choose_run(word, "runs")) == path
    assert str(choose_model(word, "runs")) == path


def test_an_unknown_name_is_refused_with_near_names(runs):
    with pytest.raises(UserError, match="'tyny' is not a run or a model; did you mean 'tiny'"):
        choose_model("tyny", "runs")
    with pytest.raises(RunError, match="the run 'runs/tiny/99' does not exist"):
        choose_run("runs/tiny/99", "runs")


def test_a_name_is_a_trained_network_unless_a_run_has_it(runs):
    notes: list[str] = []
    shipped = choose_model("lenet_mnist", "runs", notes.append)
    assert is_trained(shipped)
    assert choose_run("lenet_mnist", "runs") == shipped
    (runs / "lenet_mnist").mkdir()  # a folder of pictures is not a model
    assert choose_model("lenet_mnist", "runs") == shipped
    own = create_run("runs", load_config("lenet_mnist"))
    own.update(status=FINISHED)
    assert choose_model("lenet_mnist", "runs", notes.append) == own
    assert notes == [
        "lenet_mnist is the trained network that comes with cnnzoo",
        "lenet_mnist is the run runs/lenet_mnist/1, not the trained network of cnnzoo",
    ]


def test_a_training_continues_only_from_a_run(runs):
    with pytest.raises(RunError, match="'lenet_mnist' does not exist"):
        choose_run("lenet_mnist", "runs", trained=False)


def test_the_first_word_may_name_a_trained_network(runs):
    assert split_model(["lenet_mnist"], "runs") == ("lenet_mnist", ())
    (runs / "lenet_mnist").mkdir()
    assert split_model(["lenet_mnist"], "runs") == (None, ("lenet_mnist",))


def test_a_model_file_is_a_path(runs):
    (runs / "model.keras").touch()
    assert str(choose_model("model.keras", "runs")) == "model.keras"
    assert not isinstance(choose_model("missing.keras", "runs"), Run)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["tiny", "a.png"], "tiny"),
        (["runs/tiny/1", "photos"], "runs/tiny/1"),
        (["model.keras", "a.png"], "model.keras"),
        (["tyni", "a.png"], "tyni"),  # refused later, by its name
        (["runs/tiny/99", "a.png"], "runs/tiny/99"),
        (["photos"], None),
        (["photos", "a.png"], None),
        (["a.png", "b.png"], None),
        (["*.png"], None),
        (["-"], None),
    ],
)
def test_the_first_word_may_name_the_model(runs, words, named):
    (runs / "photos").mkdir()
    assert split_model(words, "runs") == (named, tuple(words[1:] if named else words))


def test_a_folder_with_the_name_of_a_run_is_ambiguous(runs):
    (runs / "tiny").mkdir()
    with pytest.raises(UserError, match="both a path and the name of a run") as caught:
        split_model(["tiny", "a.png"], "runs")
    assert caught.value.mistakes[0].hint == "write runs/tiny/11 for the run, or ./tiny for the path"
    assert split_model(["./tiny"], "runs") == (None, ("./tiny",))


def test_runs_to_compare_are_completed_by_the_latest(runs):
    assert list(map(str, choose_compared((), "runs"))) == ["runs/tiny/11", "runs/other/1"]
    assert list(map(str, choose_compared(("tiny",), "runs"))) == ["runs/tiny/11", "runs/other/1"]
    assert list(map(str, choose_compared(("other",), "runs"))) == ["runs/other/1", "runs/tiny/11"]
    assert list(map(str, choose_compared(("runs/tiny/1", "tiny"), "runs"))) == [
        "runs/tiny/1",
        "runs/tiny/11",
    ]


def test_one_run_is_not_compared_with_itself(tiny, tmp_path):
    create_run(tmp_path / "runs", load_config(tiny)).update(status=FINISHED, started="2026")
    with pytest.raises(RunError, match="two runs are compared, and "):
        choose_compared(("tiny",), tmp_path / "runs")


def test_damaged_runs_are_skipped_with_a_note(tmp_path):
    config = load_config("lenet")
    good, damaged = create_run(tmp_path, config), create_run(tmp_path, config)
    good.update(started="2026-01-01T00:00:00.000000+00:00", status="interrupted")
    (damaged.path / "run.json").write_text("{")
    for choose in (choose_run, choose_model):
        notes = []
        assert choose(None, tmp_path, notes.append) == good
        assert notes == [f"skipped 1 damaged run: {damaged}; cnnzoo runs shows why"]
