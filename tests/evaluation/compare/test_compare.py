from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from compared_runs import CLASSES, COUNT, make_run
from conftest import loaded_modules

from cnnzoo.config.loader import load_config
from cnnzoo.errors import DataError, RunError, UserError
from cnnzoo.evaluation.compare.compare import compare
from cnnzoo.evaluation.compare.significance import mcnemar, paired_interval
from cnnzoo.evaluation.metrics import measure_predictions
from cnnzoo.evaluation.predictions import read_predictions
from cnnzoo.runs.run import open_run
from cnnzoo.training.train import train

WIDE = "model.layers.1.Conv2D.filters=8"


def test_two_runs_are_compared_on_each_example(tiny):
    one = make_run(tiny, wrong=range(20))
    other = make_run(tiny, WIDE, "training.epochs=3", wrong=range(18, 25))
    compared = compare([one, other])
    (contrast,) = compared.contrasts
    assert (contrast.lost, contrast.gained, contrast.unpaired) == (5, 18, None)
    assert (contrast.test, contrast.p) == ("McNemar", mcnemar(5, 18))
    assert contrast.adjusted == contrast.p
    assert contrast.difference["value"] == pytest.approx(13 / COUNT)
    interval = paired_interval(np.repeat([-1.0, 0.0, 1.0], [5, COUNT - 23, 18]))
    assert (contrast.difference["low"], contrast.difference["high"]) == interval
    assert compared.settings == {"training.epochs": (("2",), ("3",))}
    changed = [pair for pair in contrast.layers if pair.kind != "equal"]
    assert [pair.after.layer.name for pair in changed] == ["Conv2D", "Flatten", "Dropout", "Dense"]
    assert compared.metrics["accuracy"][0]["value"] == pytest.approx(40 / COUNT)
    assert compared.metrics["accuracy"][1]["low"] is not None


def test_the_classes_gain_and_lose_as_much_as_all_together(tiny):
    runs = [make_run(tiny, wrong=range(20)), make_run(tiny, WIDE, wrong=range(18, 25))]
    (contrast,) = compare(runs).contrasts
    assert [change.name for change in contrast.classes] == list(CLASSES)
    assert sum(change.lost for change in contrast.classes) == contrast.lost
    assert sum(change.gained for change in contrast.classes) == contrast.gained
    for change in contrast.classes:
        gain = (change.gained - change.lost) / change.examples[0]
        assert change.recall[1] - change.recall[0] == pytest.approx(gain)


def test_the_order_of_examples_and_classes_does_not_matter(tiny):
    names = [f"{number}.png" for number in reversed(range(COUNT))]
    one = make_run(tiny, wrong=[3])
    other = make_run(tiny, WIDE, wrong=[3, 4], names=names, class_names=CLASSES[::-1])
    compared = compare([one, other])
    (contrast,) = compared.contrasts
    assert (contrast.lost, contrast.gained) == (1, 0)
    said = compared.baseline.first.predictions
    assert [said.names[row] for row in compared.disagreements] == ["4.png"]


def test_other_examples_are_named_and_not_paired(tiny):
    one = make_run(tiny, wrong=[1])
    names = [f"{number}.png" for number in range(2, COUNT + 4)]
    other = make_run(tiny, "data.seed=1", names=names)
    compared = compare([one, other])
    (contrast,) = compared.contrasts
    assert contrast.unpaired == (
        "A has 60 and B 62, 58 of the same path and truth; only A: 0.png (cat), 1.png (dog); "
        "only B: 60.png (cat), 61.png (dog), 62.png ([b]owl|), … 1 more"
    )
    assert (contrast.lost, contrast.test, contrast.p) == (None, None, None)
    assert contrast.difference["value"] == pytest.approx(1 / COUNT)
    assert len(compared.disagreements) == 0
    assert compared.paired == (compared.baseline,)


def test_seeds_are_one_line_with_mean_and_spread(tiny):
    wrong = [range(20), range(22), range(24)]
    plain = [make_run(tiny, f"seed={seed}", wrong=wrong[seed]) for seed in range(3)]
    better = [make_run(tiny, f"seed={seed}", WIDE, wrong=range(10 + seed)) for seed in range(3)]
    # What is only watched is no other configuration.
    watched = make_run(tiny, "seed=7", WIDE, "training.tensorboard=true", wrong=range(11))
    compared = compare([plain[0], better[0], plain[1], better[1], plain[2], better[2], watched])
    assert [len(group.members) for group in compared.groups] == [3, 4]
    accuracy = compared.metrics["accuracy"][0]
    assert accuracy["value"] == pytest.approx(38 / COUNT)
    assert accuracy["sd"] == pytest.approx(2 / COUNT)
    assert accuracy["n"] == 3
    (contrast,) = compared.contrasts
    assert contrast.test == "Welch"
    assert contrast.p < 0.01
    assert contrast.gained - contrast.lost == pytest.approx((22 - 11) * 1)
    assert len(compare([*plain, *better], each=True).groups) == 6


def test_what_cannot_be_tested_says_why(tiny):
    one = make_run(tiny, "seed=0", wrong=[1])
    seeds = [make_run(tiny, f"seed={seed}", WIDE, wrong=[2]) for seed in range(2)]
    (contrast,) = compare([one, *seeds]).contrasts
    assert (contrast.p, contrast.untested) == (None, "one of them has one seed, train more")
    same = make_run(tiny, "seed=1", wrong=[1])
    (contrast,) = compare([one, same, *seeds]).contrasts
    assert (contrast.p, contrast.untested) == (None, "no seed made a difference")


def test_several_comparisons_are_adjusted_for_one_another(tiny):
    runs = [
        make_run(tiny, f"training.epochs={epochs}", wrong=range(wrong))
        for epochs, wrong in ((1, 20), (2, 10), (3, 19))
    ]
    first, second = compare(runs).contrasts
    assert first.adjusted == pytest.approx(2 * first.p)
    assert second.adjusted == second.p


def test_a_disagreement_is_where_most_seeds_say_otherwise(tiny):
    one = make_run(tiny, wrong=[0])
    seeds = [make_run(tiny, f"seed={seed}", WIDE, wrong=[0, 5, 6 + seed]) for seed in range(3)]
    assert compare([one, *seeds]).disagreements.tolist() == [
        sorted(f"{number}.png" for number in range(COUNT)).index("5.png")
    ]


def test_the_machine_is_told_apart(tiny):
    runs = [
        make_run(tiny, f"training.epochs={cores}", machine={"cores": cores}) for cores in (1, 2)
    ]
    assert compare(runs).machines_differ
    assert not compare([runs[0], make_run(tiny, machine={"cores": 1})]).machines_differ


def test_a_run_that_was_not_evaluated_is_evaluated(tiny, monkeypatch):
    one, other = make_run(tiny), make_run(tiny, WIDE)
    written = other.predictions_path("test").read_bytes()
    other.predictions_path("test").unlink()
    asked = []

    def evaluate(run, split, **options):
        asked.append((str(run), split))
        run.predictions_path(split).write_bytes(written)

    monkeypatch.setattr("cnnzoo.evaluation.evaluate.measure", evaluate)
    compare([one, other])
    assert asked == [(str(other), "test")]


def test_a_run_without_its_data_is_named(tiny, monkeypatch):
    def evaluate(run, split, **options):
        raise DataError("the folder is gone", hint="put it back")

    one, other = make_run(tiny), make_run(tiny, WIDE)
    other.predictions_path("test").unlink()
    monkeypatch.setattr("cnnzoo.evaluation.evaluate.measure", evaluate)
    with pytest.raises(RunError, match="was not evaluated on its test split, and cannot") as error:
        compare([one, other])
    assert str(error.value).startswith(f"error: {other} was not")
    assert "cannot be: the folder is gone\n   hint: put it back" in str(error.value)


def test_the_figures_are_those_of_evaluate(tiny, tmp_path):
    one, other = make_run(tiny, wrong=[1]), make_run(tiny, WIDE)
    predictions = read_predictions(one.predictions_path("test"))
    values, labels = predictions.probabilities, predictions.labels
    measured = measure_predictions(values, labels, predictions.class_names)
    measured["metrics"]["accuracy"] = {"value": 59 / COUNT, "low": 0.5, "high": 1.0}
    del measured["metrics"]["macro_f1"]
    one.metrics_path("test").write_text(json.dumps(measured))
    compared = compare([one, other])
    assert compared.metrics["accuracy"][0] == measured["metrics"]["accuracy"]
    assert compared.metrics["macro_f1"][0] is None
    one.metrics_path("test").write_text(json.dumps(measured | {"examples": COUNT - 1}))
    with pytest.raises(RunError, match=r"metrics\.json was not measured on predictions\.csv"):
        compare([one, other])
    one.metrics_path("test").write_text("{")
    with pytest.raises(RunError, match=r"metrics\.json is damaged"):
        compare([one, other])


def test_what_is_no_comparison_is_refused(tiny):
    run = make_run(tiny)
    with pytest.raises(UserError, match="only one run"):
        compare([run])
    with pytest.raises(UserError, match="named twice, as"):
        compare([run, run.path / ".." / "1"])
    with pytest.raises(RunError, match=r"tells cat, dog, fox apart, .* cat, dog, \[b\]owl"):
        compare([run, make_run(tiny, class_names=("cat", "dog", "fox"))])
    with pytest.raises(DataError, match="did you mean 'test'"):
        compare([run, run], "tset")


def test_no_framework_is_loaded_where_there_are_predictions(tiny):
    runs = [str(make_run(tiny)), str(make_run(tiny, WIDE))]
    statement = f"from cnnzoo.evaluation.compare.compare import compare; compare({runs!r})"
    assert loaded_modules(statement, ("keras", "tensorflow", "jax", "matplotlib")) == []


def test_what_evaluate_writes_can_be_compared(tiny, tmp_path):
    words = ["training.epochs=1", "data.limit=30"]
    run = train(load_config(tiny, words), tmp_path / "runs")
    copied = open_run(shutil.copytree(run.path, tmp_path / "copied"))
    copied.write_config(load_config(tiny, [*words, "training.label_smoothing=0.5"]))
    compared = compare([run, copied], "validation")
    (contrast,) = compared.contrasts
    assert (contrast.lost, contrast.gained, contrast.p) == (0, 0, 1)
    for name, (first, second) in compared.metrics.items():
        assert first == second == run.metrics("validation")["metrics"][name]
