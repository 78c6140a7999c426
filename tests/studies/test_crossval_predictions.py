from __future__ import annotations

import numpy as np
import pytest
from crossvals import write_crossval

from cnnzoo.errors import RunError
from cnnzoo.evaluation.predictions import (
    MAX_COLUMNS,
    Predictions,
    read_predictions,
    write_predictions,
)
from cnnzoo.studies.crossval_directory import CrossvalDirectory
from cnnzoo.studies.crossval_predictions import out_of_fold
from cnnzoo.studies.crossval_results import CrossvalRecord, read_record


def test_the_predictions_of_all_folds_are_sorted_by_name(tmp_path):
    directory = write_crossval(tmp_path)
    found = read_predictions(directory.predictions_path)
    assert found.names == tuple(f"cat/{index}.png" for index in range(60))
    assert found.labels.tolist() == [0, 1] * 30
    first = read_predictions(directory.run(1).predictions_path("test"))
    places = [found.names.index(name) for name in first.names]
    assert np.array_equal(found.probabilities[places], first.probabilities)


def test_repeats_give_the_mean_probabilities(tmp_path):
    directory = write_crossval(tmp_path, repeats=2)
    found = read_predictions(directory.predictions_path)
    assert len(found) == 60
    values = []
    for number in range(1, 7):
        run = read_predictions(directory.run(number).predictions_path("test"))
        if "cat/7.png" in run.names:
            values.append(run.probabilities[run.names.index("cat/7.png")])
    assert len(values) == 2
    assert found.probabilities[7] == pytest.approx(np.mean(values, axis=0), abs=1e-6)


def test_repeats_of_other_examples_are_an_error(tmp_path):
    directory = write_crossval(tmp_path, repeats=2)
    path = directory.run(6).predictions_path("test")
    path.write_text(path.read_text().replace("cat/", "dog/", 1))
    with pytest.raises(RunError, match="have different examples"):
        out_of_fold(directory, read_record(directory))


def test_predictions_of_very_many_classes_are_joined(tmp_path):
    names = tuple(f"class {index}" for index in range(MAX_COLUMNS + 5))
    directory = CrossvalDirectory(tmp_path)
    rng = np.random.default_rng(0)
    for number in (1, 2):
        values = rng.dirichlet(np.ones(len(names)), 4).astype(np.float32)
        paths = tuple(f"{index}.png" for index in range(number, 9, 2))
        labels = np.arange(4, dtype=np.int32)
        directory.run(number).path.mkdir()
        path = directory.run(number).predictions_path("test")
        write_predictions(path, Predictions(paths, labels, values, names))
    record = CrossvalRecord(folds=2, repeats=1, fingerprint="", class_names=list(names))
    found = out_of_fold(directory, record)
    assert found.names == tuple(f"{index}.png" for index in range(1, 9))
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    write_predictions(directory.predictions_path, found)
    read = read_predictions(directory.predictions_path, names)
    assert np.array_equal(read.kept, found.kept)
