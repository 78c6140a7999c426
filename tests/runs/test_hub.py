from __future__ import annotations

import pytest
from hub_server import running_hub

from cnnzoo.config.loader import load_config
from cnnzoo.errors import UserError
from cnnzoo.runs.choose import names_model
from cnnzoo.runs.hub import repository
from cnnzoo.runs.trained import trained_run


@pytest.fixture
def hub():
    with running_hub() as hub:
        yield hub


@pytest.fixture
def environment(hub, tmp_path):
    home = str(tmp_path / "home")
    return {"HF_ENDPOINT": hub.url, "HF_HOME": home, "HF_TOKEN": "", "HF_HUB_OFFLINE": ""}


@pytest.mark.slow
def test_a_published_network_is_used_by_its_name(hub, environment, cnnzoo, tmp_path):
    name = "hf://me/digits"
    done = cnnzoo("publish", "lenet_mnist", name, "--private", **environment | {"HF_TOKEN": "t"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"published at {hub.url}/me/digits\n")
    assert hub.tokens == {"Bearer t"}
    assert hub.private == {"me/digits": True}
    files = {"README.md", "config.yaml", "metrics.json", "model.keras"}
    assert set(hub.files) == {f"me/digits/{file}" for file in files}
    shipped = trained_run("lenet_mnist")
    assert hub.files["me/digits/model.keras"] == shipped.model_path.read_bytes()
    done = cnnzoo("evaluate", name, "--data", "mnist5k", **environment)
    assert "accuracy 0.99" in done.stdout, done.stderr
    # A file that was downloaded is used without the server.
    done = cnnzoo("evaluate", name, "--data", "digits", **environment | {"HF_HUB_OFFLINE": "1"})
    assert "on 1,797 examples" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "settings", "code", "message"),
    [
        (["publish", "lenet_mnist", "hf://me/x"], {}, 2, "publishing to hf://me/x needs a token"),
        (["publish", "lenet_mnist", "me/x"], {}, 2, "'me/x' is not hf://USER/REPO"),
        (["evaluate", "hf://me/none"], {}, 2, "hf://me/none cannot be used: no such repository"),
        (["evaluate", "hf://me/other"], {}, 2, "hf://me/other cannot be used: it has no model.k"),
        (["evaluate", "hf://me/x"], {"HF_HUB_OFFLINE": "1"}, 2, "the Hub does not answer"),
        (["evaluate", "hf://me/x"], {"HF_ENDPOINT": "http://127.0.0.1:9"}, 2, "the Hub "),
    ],
    ids=["token", "name", "repository", "file", "offline", "no server"],
)
@pytest.mark.slow
def test_what_is_missing_is_one_line(hub, environment, cnnzoo, words, settings, code, message):
    hub.files["me/other/README.md"] = b"nothing else"
    done = cnnzoo(*words, **environment | settings)
    assert message in done.stderr, done.stderr
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_names_of_the_hub_are_models_and_are_kept_in_configurations():
    assert names_model("hf://me/digits")
    config = load_config("lenet", ["init_from=hf://me/digits"])
    assert config.init_from == "hf://me/digits"


@pytest.mark.parametrize("word", ["hf://", "hf://me", "hf://me/a/b", "hf://../x", "me/digits"])
def test_other_names_are_refused(word):
    with pytest.raises(UserError, match="is not hf://USER/REPO"):
        repository(word)
