from __future__ import annotations

import shlex

import pytest

from cnnzoo.config.loader import load_config


@pytest.mark.slow
def test_a_rate_is_suggested_with_the_word_that_uses_it_and_a_figure(in_process, tiny):
    code, out, err = in_process(
        "tune", "lr", "tiny.yaml", "--steps", "40", "--lowest", "1e-4", "--output", "lr.svg"
    )
    assert (code, err) == (0, "")
    *_, said, written, use = out.splitlines()
    assert said.startswith("the loss was lowest at ")
    assert written == "written to lr.svg and lr.csv"
    assert load_config(tiny, shlex.split(use.removeprefix("use it with: ")))
    rows = (tiny.parent / "lr.csv").read_text().splitlines()
    assert rows[0] == "learning_rate,loss,smoothed_loss"
    assert 20 < len(rows) <= 41
    assert "learning-rate range test of tiny" in (tiny.parent / "lr.svg").read_text()
    assert not (tiny.parent / "runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tiny.yaml", "--lowest", "2", "--highest", "1"], "--lowest 2 is not below --highest 1"),
        (["tiny.yaml", "--lowest", "0"], "0.0 is not in the range x>0"),
        (["tiny.yaml", "--output", "lr.xls"], "a figure cannot be written to 'lr.xls'"),
        (["tinny.yaml"], "there is no configuration"),
        (["tiny.yaml", "model.layers.4.Dense.units=3"], "the data have 10 classes"),
    ],
)
def test_bad_input_is_one_clear_message_before_anything_is_trained(
    in_process, tiny, words, message
):
    code, _, err = in_process("tune", "lr", *words)
    assert code == 2
    assert message in err
