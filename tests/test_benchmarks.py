"""Of scripts/benchmarks: the programs that are compared do the same, and are timed alike."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

import cnnzoo

FOLDER = ROOT / "scripts" / "benchmarks"
NETWORKS = ("lenet", "simple_cnn", "emotion", "gender", "resnet20")
# A program that tells three epochs of 30 images, the first one slow, and fills 200 MB.
PROGRAM = """
import json, sys, time
memory = bytearray(200_000_000)
memory[::4096] = b"1" * len(memory[::4096])
def say(event, **values):
    print(json.dumps({"event": event, "at": time.time(), **values}), flush=True)
print("something else")
say("batch")
for seconds, accuracy in ((9.0, 0.5), (1.0, 0.7), (2.0, 0.9)):
    time.sleep(0.05)
    say("epoch", seconds=seconds, images=30, accuracy=accuracy)
say("test", accuracy=0.8)
"""


@pytest.fixture
def measuring(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("measuring.contest")


def load(path: Path):
    loader = SourceFileLoader(path.name, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(path.name, loader))
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("network", NETWORKS)
def test_plain_keras_trains_the_network_of_the_zoo(network):
    shape, classes, make = load(FOLDER / "peers" / "plain_keras.py").NETWORKS[network]
    ours = cnnzoo.build_model(cnnzoo.load_config(network).model, classes=classes)
    theirs = make(shape, classes, 512)
    assert theirs.input_shape == ours.input_shape
    assert theirs.output_shape == ours.output_shape

    def weights(model):
        return sorted(tuple(weight.shape) for weight in model.weights if "seed" not in weight.path)

    assert weights(theirs) == weights(ours)


@pytest.mark.parametrize("network", NETWORKS)
def test_plain_pytorch_trains_the_network_of_the_zoo(network):
    pytest.importorskip("torch")
    shape, classes, make = load(FOLDER / "peers" / "plain_torch.py").NETWORKS[network]
    ours = cnnzoo.build_model(cnnzoo.load_config(network).model, classes=classes)
    theirs = make(shape, 1 if classes == 2 else classes, 512)
    count = sum(parameter.numel() for parameter in theirs.parameters())
    assert count == sum(int(np.prod(weight.shape)) for weight in ours.trainable_weights)


def test_a_program_is_timed_by_what_it_says_and_what_it_used(measuring):
    timing = measuring.run_timed([sys.executable, "-c", PROGRAM], os.environ)
    assert 0 < timing.first_batch < timing.epochs[0]["at"] < timing.epochs[2]["at"] <= timing.wall
    assert timing.rate == pytest.approx((30 + 15) / 2)  # of the epochs after the first
    assert timing.accuracy == 0.8
    assert timing.memory > 200_000_000
    assert timing.reached(0.7) == timing.epochs[1]
    assert timing.reached(0.95) is None
    assert timing.steps_until(0.7) == pytest.approx(2 * 30 / timing.rate)
    code = "import sys; print('no memory', file=sys.stderr); sys.exit(3)"
    with pytest.raises(measuring.ProcessError, match=r"exit code 3\nno memory"):
        measuring.run_timed([sys.executable, "-c", code], os.environ)


def test_programs_take_turns_and_one_that_fails_is_said_and_left_out(measuring, tmp_path):
    log = tmp_path / "log"

    def program(name, code):
        line = f"open({str(log)!r}, 'a').write('{name} ')\n"
        command = [sys.executable, "-c", line + code]
        return measuring.Program(name, lambda task, seed, folder: command, os.environ, plain=True)

    task = measuring.Task("a task", "lenet", tmp_path, 1, 1)
    programs = [program("a", PROGRAM), program("b", "raise SystemExit(1)"), program("c", PROGRAM)]
    said: list[str] = []
    results = measuring.compare(task, programs, 3, said.append)
    assert log.read_text().split() == ["a", "b", "c", "c", "a", "a", "c"]
    assert [(result.program.name, len(result.timings)) for result in results] == [
        ("a", 3),
        ("c", 3),
    ]
    assert [line.split(":")[0] for line in said] == ["b failed on a task"]


def test_a_race_has_a_recipe_for_all_and_the_usual_one(measuring, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(FOLDER))
    training = load(FOLDER / "training.py")
    chosen = training.programs(None, tmp_path, ())
    racers = training.racers(chosen)
    assert [program.name for program in racers] == [
        "plain Keras, the usual recipe",
        "cnnzoo, precision auto",
        "plain Keras",
    ]
    epochs: list[int] = []

    def command(task, seed, folder):
        epochs.append(task.epochs)
        return [sys.executable, "-c", PROGRAM]

    task = measuring.Task("a race", "lenet", tmp_path, 1, **measuring.FAST, target=0.7)
    racing = [dataclasses.replace(program, command=command) for program in racers]
    results = measuring.compare(task, racing, 1, pytest.fail)
    assert epochs == [10, 3, 3]
    rows = measuring.target_rows(results)
    assert [row.split("|")[1:4] for row in rows] == [
        [f" {program.name} ", " 1 of 1 ", " 2 "] for program in racers
    ]
    assert rows[0].split("|")[5] == " 1.00 "


def test_ratios_of_a_race_need_a_first_program_that_got_there(measuring, tmp_path):
    task = measuring.Task("a race", "lenet", tmp_path, 1, 1, target=0.7)
    timings = {
        accuracy: measuring.Timing(
            9, 1, ({"at": 5, "seconds": 3, "images": 30, "accuracy": accuracy},), None, 1, 1
        )
        for accuracy in (0.6, 0.8)
    }
    results = [
        measuring.Result(task, measuring.Program(name, None, {}, plain), (timings[accuracy],))
        for name, plain, accuracy in (("slow", True, 0.6), ("fast", False, 0.8))
    ]
    assert measuring.target_rows(results) == [
        "| slow | 0 of 1 | - | - | - | - |",
        "| fast | 1 of 1 | 1 | 5.0 | - | 3.00 |",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("target", [None, 0.01])
def test_cnnzoo_trains_what_a_task_says(measuring, tmp_path, target):
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.integers(0, 256, (40, 28, 28, 1), dtype=np.uint8)
        for name in ("x_train", "x_test")
    }
    labels = np.arange(40) % 10
    np.savez(tmp_path / "data.npz", **arrays, y_train=labels, y_test=labels)
    task = measuring.Task(
        "t",
        "lenet",
        tmp_path / "data.npz",
        16,
        2,
        schedule="one_cycle" if target else "constant",
        target=target,
    )
    program = measuring.cnnzoo(None, "cnnzoo", measuring.with_cnnzoo())
    said: list[str] = []
    (result,) = measuring.compare(task, [program], 1, said.append) or [None]
    assert result is not None, said
    (timing,) = result.timings
    assert [epoch["images"] for epoch in timing.epochs] == [40, 40]
    if target:
        assert all(epoch["accuracy"] is not None for epoch in timing.epochs)
    else:
        assert timing.accuracy is not None


def test_missing_data_are_said(tmp_path):
    environment = {**os.environ, "CNNZOO_TEST_DATA": str(tmp_path)}
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "benchmark", "training", "--json", file],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "lenet is skipped: CNNZOO_TEST_DATA has no mnist/" in done.stdout
    assert "gender is skipped: CNNZOO_TEST_DATA has no gender_faces/" in done.stdout
    assert json.loads(file.read_text())["training"]["trainings"] == []
    assert str(tmp_path) not in done.stdout


def test_tables_of_markdown_become_figures():
    script = load(ROOT / "scripts" / "benchmark")
    lines = [
        "text",
        "| a | b |",
        "| --- | ---: |",
        "| x | -1 |",
        "| y | 2 |",
        "",
        "| c |",
        "| --- |",
    ]
    assert script.tables(lines) == [[{"a": "x", "b": "-1"}, {"a": "y", "b": "2"}], []]


def test_the_comparison_on_a_gpu_stands_alone():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "benchmark", "--gpu", "startup"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--gpu runs alone" in done.stderr


@pytest.fixture
def scaling(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("measuring.scaling")


@pytest.mark.parametrize(
    ("examples", "processes", "expected"),
    [(100, 1, 100), (96, 8, 12), (100, 4, 25), (100, 8, 12 + 4), (5, 8, 5), (103, 2, 48 + 7)],
)
def test_a_process_computes_its_share_and_the_whole_of_an_indivisible_batch(
    scaling, examples, processes, expected
):
    assert scaling.examples_of_process(examples, 32, processes) == expected


def test_the_bytes_of_collective_operations_are_counted(scaling):
    program = """
  %all-reduce.13 = (f32[], f32[5,5,1,6]{3,2,1,0}, /*index=2*/bf16[10]{0}) all-reduce(%a, %b, %c)
  ROOT %all-gather = s32[2,3]{1,0} all-gather(%d), dimensions={0}
  %start = f32[7]{0} all-reduce-start(%e), channel_id=1
  %done = f32[7]{0} all-reduce-done(%start)
  %add = f32[100]{0} add(%all-reduce.13, %f)
"""
    assert scaling.collective_bytes(program) == 4 + 600 + 20 + 24 + 28


def test_the_efficiency_of_gpus_is_the_share_of_time_that_computes(scaling):
    machine = scaling.Machine(1000, 100, gpus_per_node=8, within=1e9, between=5e8, latency=0)
    assert scaling.bytes_sent(1e6, 8) == 1.75e6
    assert scaling.efficiency(machine, 1e8, 1, 0, 1) == 1
    assert scaling.efficiency(machine, 1e8, 8, 0, 1) == pytest.approx(0.1 / (0.1 + 0.175))
    assert scaling.efficiency(machine, 1e8, 16, 0, 1) == pytest.approx(0.1 / (0.1 + 0.375))
    assert scaling.efficiency(machine, 0, 8, 0.1, 2) == pytest.approx(0.1 / 0.3)
    slow = dataclasses.replace(machine, latency=1e-3)
    assert scaling.communication_seconds(slow, 0, 8) == pytest.approx(14e-3)


def test_trainings_in_processes_are_compared(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    cluster = importlib.import_module("cluster")

    def training(count, weight, images):
        counts = {"splits": [40, 8], "cpu": [9.0, 0.2, 0.4], "steps": 3, "opened": 5e5}
        counts |= {"images": images, "weights": 4e6}
        arrays = {"model/0": np.array([weight], np.float32), "optimizer/0": np.zeros(2)}
        return cluster.Training([counts] * count, [0.5, weight], arrays)

    alone, two = training(1, 1.0, 144), training(2, 1.25, 72)
    cells = cluster.row(two, alone, 16).strip("| ").split(" | ")
    assert cells == ["2", "2.5e-01", "2.5e-01", "0.500", "0.500", "0.50", "15.00", "100.0", "4.00"]
    assert len(cells) == len(cluster.COLUMNS)
    assert cluster.differences(two, alone) == "losses differ by at most 2.5e-01, weights by 2.5e-01"
    assert cluster.equality(two, two).startswith("2 of 2 losses and 2 of 2 arrays")
    assert cluster.equality(two, alone).startswith("1 of 2 losses and 1 of 2 arrays")


def test_the_cost_of_loading_is_a_table(tmp_path):
    words = ["--sizes", "20", "--stored", "5", "--directory", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, FOLDER / "scale.py", *words], capture_output=True, text=True, check=True
    )
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if "| 20 |" in line]
    assert [row[0::2][:2] for row in rows] == [
        ["folder", "first"],
        ["folder", "cache"],
        ["folder", "grown"],
        ["array", "first"],
        ["array", "cache"],
    ]
    assert all(float(cell) >= 0 for row in rows for cell in row[3:])
    assert not list(tmp_path.iterdir())


def test_the_links_to_a_data_set_can_be_read(monkeypatch, measuring, tmp_path):
    examples = importlib.import_module("measuring.examples")
    for class_name in ("cat", "dog"):
        folder = tmp_path / "data" / "pets" / class_name
        folder.mkdir(parents=True)
        for number in range(5):
            Image.new("L", (8, 8), 20 * number).save(folder / f"{number}.png")
    monkeypatch.setenv("CNNZOO_TEST_DATA", str(tmp_path / "data"))
    linked = examples.image_folder("pets", tmp_path / "linked")
    data = cnnzoo.DataConfig(**examples.source(linked), splits={"validation": 0})
    dataset = cnnzoo.load_dataset(data, image_shape=(8, 8, 1))
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 8,
        "validation": 0,
        "test": 2,
    }
