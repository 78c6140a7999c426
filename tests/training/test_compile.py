from __future__ import annotations

import pytest

import cnnzoo
from cnnzoo.training.compile import compile_model, training_variables


def compiled(head, **training):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1 if head == "binary" else 3)])
    config = cnnzoo.Config.model_validate(
        {
            "name": "any",
            "model": {"input_shape": [4, 4, 1], "layers": ["Flatten"]},
            "training": training,
        }
    )
    compile_model(model, config, training_variables(config, 3, 1000), head)
    return model


@pytest.mark.parametrize(
    ("head", "loss"),
    [("binary", "BinaryCrossentropy"), ("categorical", "SparseCategoricalCrossentropy")],
)
def test_the_loss_follows_the_head(head, loss):
    assert type(compiled(head).loss).__name__ == loss


def test_a_loss_of_ones_own_is_taken():
    loss = compiled("binary", loss={"BinaryFocalCrossentropy": {"gamma": 3}}).loss
    assert type(loss).__name__ == "BinaryFocalCrossentropy"
    assert loss.gamma == 3


def test_the_schedule_ends_with_the_training():
    schedule = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": "$steps"}}
    model = compiled(
        "categorical", epochs=5, batch_size=64, optimizer={"SGD": {"learning_rate": schedule}}
    )
    assert model.optimizer.get_config()["learning_rate"]["config"]["decay_steps"] == 5 * 16


def test_an_expression_is_checked_against_the_type_of_its_argument():
    optimizer = {"SGD": {"gradient_accumulation_steps": "${steps / 3}"}}
    with pytest.raises(cnnzoo.CnnzooError, match=r"'gradient_accumulation_steps' must be .*, not"):
        compiled("categorical", optimizer=optimizer)
