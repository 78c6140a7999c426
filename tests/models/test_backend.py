from __future__ import annotations

import json
import os
import subprocess
import sys
from contextvars import ContextVar
from importlib.util import find_spec

import pytest

from cnnzoo.errors import DeviceError
from cnnzoo.models import backend
from cnnzoo.models.backend import load_keras


def test_keras_is_loaded_once_and_stays():
    assert load_keras() is load_keras("cpu")


def test_a_gpu_that_is_not_there_is_an_error_that_says_why(monkeypatch):
    keras = load_keras()
    if keras.distribution.list_devices("gpu"):
        pytest.skip("this machine has a GPU")
    monkeypatch.setattr(backend, "_nvidia_driver", lambda: False)
    with pytest.raises(DeviceError, match="this machine has no NVIDIA driver") as failed:
        load_keras("gpu")
    assert failed.value.exit_code == 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with pytest.raises(DeviceError, match="CUDA_VISIBLE_DEVICES hides them"):
        load_keras("gpu")


@pytest.mark.parametrize("name", ["nothing", "torch"])
def test_a_backend_that_cannot_start_is_named(cnnzoo, name):
    if find_spec(name):
        pytest.skip(f"{name} is installed")
    done = cnnzoo("train", "--config", "lenet", KERAS_BACKEND=name)
    assert done.returncode == 2
    assert f"Keras cannot start on the backend '{name}'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("sees_gpu", "chosen"), [(True, "jax"), (False, "tensorflow")])
def test_jax_is_taken_where_it_sees_a_gpu(monkeypatch, sees_gpu, chosen):
    """Without KERAS_BACKEND, and before Keras is imported."""
    keras = load_keras()
    monkeypatch.setenv("KERAS_BACKEND", "any")  # so that it is as before afterwards
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(backend, "_jax_sees_gpu", lambda: sees_gpu)
    monkeypatch.setattr(backend, "LEAN", ContextVar("LEAN", default=False))
    monkeypatch.setattr(backend.importlib, "import_module", lambda name: keras)
    load_keras()
    assert os.environ["KERAS_BACKEND"] == chosen


@pytest.mark.parametrize(("given", "used"), [(None, "1"), ("0", "0")])
def test_tensorflow_uses_onednn_unless_the_user_decides(monkeypatch, given, used):
    keras = load_keras()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "any")  # so that it is as before afterwards
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    if given:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", given)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(backend.importlib, "import_module", lambda name: keras)
    load_keras("cpu")
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == used


def test_the_cpu_hides_gpus_from_both_backends(monkeypatch):
    keras = load_keras()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(backend.importlib, "import_module", lambda name: keras)
    load_keras("cpu")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "-1"
    assert os.environ["JAX_PLATFORMS"] == "cpu"


@pytest.mark.slow
@pytest.mark.parametrize("lean", [False, True])
def test_only_a_lean_keras_starts_without_what_it_does_not_need(lean):
    code = f"""
import subprocess
import sys
from cnnzoo.models import backend
backend.LEAN.set({lean})
backend.load_keras()
print("matplotlib" in sys.modules)
import matplotlib.figure  # it is hidden no longer
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(not lean)]


@pytest.mark.slow
def test_a_lean_keras_on_another_backend_does_not_import_tensorflow():
    pytest.importorskip("jax")
    code = """
import sys
from cnnzoo.models import backend
backend.LEAN.set(True)
keras = backend.load_keras()
keras.utils.set_random_seed(3)
print("tensorflow" in sys.modules)
"""
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"]


CHANGED = {
    "floatx": "float16",
    "epsilon": 1e-3,
    "image_data_format": "channels_first",
    "nnx_enabled": True,
    "backend": "jax",
}
PRINT_SETTINGS = """
import keras
from cnnzoo.models.backend import load_keras
load_keras()
config = keras.config
print(config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy().name)
print(config.max_epochs(), config.max_steps_per_epoch(), keras.layers.Conv2D(1, 1).data_format)
"""


def settings(code, home, **variables):
    environment = {**os.environ, "KERAS_HOME": str(home), "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split(), done.stderr


def test_no_file_or_variable_changes_the_settings_of_keras(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps(CHANGED))
    code = PRINT_SETTINGS.replace("import keras\n", "", 1).replace(
        "load_keras()\n", "keras = load_keras()\n"
    )
    variables = {"KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "1"}
    found, err = settings(code, tmp_path, **variables)
    assert found == [
        "float32",
        "1e-07",
        "channels_last",
        "float32",
        "None",
        "None",
        "channels_last",
    ]
    assert "set Keras'" not in err


def test_settings_of_a_program_are_replaced_with_a_warning():
    keras = load_keras()
    keras.config.set_epsilon(1e-3)
    keras.config.set_image_data_format("channels_first")
    with pytest.warns(UserWarning, match="set Keras' epsilon and image_data_format back"):
        load_keras()
    assert keras.config.epsilon() == 1e-7
    assert keras.config.image_data_format() == "channels_last"


@pytest.mark.parametrize("text", ["[]", '{"floatx": "int8"}', '{"epsilon": 1}'])
def test_a_wrong_settings_file_is_named(cnnzoo, tmp_path, text):
    (tmp_path / "keras.json").write_text(text)
    done = cnnzoo("train", "--config", "lenet", KERAS_HOME=str(tmp_path))
    assert done.returncode == 2
    assert "keras.json" in done.stderr
    assert "Traceback" not in done.stderr
