from __future__ import annotations

import ast
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from outlines import outline
from PIL import Image

from cnnzoo.config import zoo
from cnnzoo.config.data import AUGMENTATIONS, MIXING
from cnnzoo.config.loader import load_config, make_config
from cnnzoo.config.reader import read_yaml
from cnnzoo.config.schema import Config
from cnnzoo.datasets import image_names
from cnnzoo.datasets.images.decode import FORMATS
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.parts import known_splits, plain_arrays
from cnnzoo.errors import UserError
from cnnzoo.models.build import build_model
from cnnzoo.models.convert.eject import eject
from cnnzoo.models.convert.python_data import SUFFIXES, SYSTEM_FOLDERS, Source
from cnnzoo.training.checks import check_config
from cnnzoo.training.engine.balance import class_weights
from cnnzoo.training.engine.compile import make_augmentation

ZOO = zoo.names()
FIXTURES = sorted((ROOT / "tests" / "fixtures").glob("*.yaml"))
# Beyond this, a pass through the two models takes many seconds, so images are made smaller.
MACS = 500_000_000
HEAD = "[Rescaling: 1/255, Flatten, Dense: [$classes, softmax]]"
DOWNLOADING = {"resnet50_transfer"}  # its forms are in tests/fixtures
LARGE = {"resnet152", "densenet201", "resnet110", "vgg19"}  # the largest of their families
# Not built here: others of their families are made of the same layers.
SIBLINGS = {"resnet101", "densenet169", "vgg11"}


def script_of(config: Config, command: tuple[str, ...] = ()) -> str:
    planned = check_config(config)
    names = planned.class_names
    source = Source(names, command=command or (config.name,))
    if config.data:
        arrays = plain_arrays(config.data, config.model.input_shape, len(names))
        source = replace(source, splits=known_splits(config.data), arrays=arrays)
    return eject(config, source, planned.head)


def names_in(script: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "ejected"}
    exec(compile(script, "ejected.py", "exec"), namespace)  # noqa: S102 - it is what eject wrote
    return namespace


def made_by(script: str) -> Any:
    return names_in(script)["make_model"]()


def check_same(config: Config, *, outputs: bool = True) -> None:
    import keras

    keras.backend.clear_session()
    classes = len(check_config(config).class_names) or config.model.classes
    ours = build_model(config.model, classes=classes, name=config.name)
    theirs = made_by(script_of(config))
    assert type(theirs) is keras.Sequential
    assert theirs.name == config.name
    assert theirs.count_params() == ours.count_params()
    assert outline(theirs) == outline(ours)
    if outputs:
        images = np.random.default_rng(0).uniform(0, 255, (1, *config.model.input_shape))
        theirs.set_weights(ours.get_weights())
        predicted, expected = (
            keras.ops.convert_to_numpy(model(images.astype("float32"), training=False))
            for model in (theirs, ours)
        )
        np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-7)


def smaller(name: str) -> Config:
    """A configuration of the zoo, with smaller images where it takes long."""
    config = load_config(name)
    architecture = check_config(config).architecture
    if architecture.macs < MACS:
        return config
    height, _, channels = architecture.input_shape
    shrink = min(1.0, math.sqrt(MACS / architecture.macs))
    side = max(96, int(height * shrink) // 32 * 32)
    return load_config(name, [f"model.input_shape=[{side}, {side}, {channels}]"])


@pytest.mark.parametrize(
    "name", [name for name in ZOO if name not in LARGE | SIBLINGS | DOWNLOADING]
)
def test_a_script_makes_the_model_of_the_zoo(name: str) -> None:
    check_same(smaller(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LARGE & set(ZOO)))
def test_a_script_makes_the_large_models_too(name: str) -> None:
    check_same(smaller(name), outputs=False)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_script_makes_every_form_that_the_language_has(path: Path) -> None:
    check_same(load_config(path))


# The cells of NASNet, which were found by a search, repeat little; cifar10_fast lists the 144
# weights of its first layer.
LINES = {"nasnet_mobile": 300, "cifar10_fast": 310}


@pytest.mark.parametrize("name", ZOO)
def test_a_script_has_the_size_of_the_file_and_holds_to_the_line_length(name: str) -> None:
    lines = script_of(load_config(name)).splitlines()
    assert len(lines) < LINES.get(name, 215)
    assert max(map(len, lines)) <= 88


def formatted(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "ejected.py").write_text(script, "utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    checks = ["check", "--isolated", "--select", "E4,E5,E7,E9,F,I", "--line-length", "88"]
    subprocess.run([*ruff, *checks, "ejected.py"], cwd=folder, check=True)
    return subprocess.run(
        [*ruff, "format", "--isolated", "--diff", "ejected.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("source", [*ZOO, *FIXTURES], ids=lambda source: Path(source).stem)
def test_a_script_is_formatted_and_clean(source: str | Path, tmp_path: Path) -> None:
    pytest.importorskip("ruff")
    done = formatted(script_of(load_config(source)), tmp_path)
    assert done.returncode == 0, done.stdout


def config_of(layers: str, more: str = "", shape: str = "[8, 8, 1]") -> Config:
    model = f"{{input_shape: {shape}, classes: 3, layers: {layers}}}"
    return make_config(read_yaml(f"name: net\nmodel: {model}\n{more}"))


def test_a_plain_list_of_layers_is_a_sequential_of_layers() -> None:
    script = script_of(config_of("[Rescaling: 1/255, Flatten, Dense: [$classes, softmax]]"))
    assert (
        """\
def make_model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        name="net",
    )
"""
        in script
    )


def test_a_model_without_a_class_count_is_made_and_not_trained() -> None:
    config = make_config(
        read_yaml("name: net\nmodel: {input_shape: [8, 8, 1], layers: [Flatten, Dense: 3]}")
    )
    script = script_of(config)
    assert script.endswith('if __name__ == "__main__":\n    make_model().summary()\n')
    assert "sklearn" not in script


def run(script: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script in an interpreter that finds no cnnzoo."""
    (folder / "script.py").write_text(script, "utf-8")
    blocked = "import sys, runpy; sys.modules['cnnzoo'] = None; runpy.run_path('script.py', "
    code = f"{blocked}run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ("{metrics: [TopKCategoricalAccuracy: 2]}", "takes one value per class"),
        (
            "{loss: CategoricalCrossentropy, metrics: [SparseTopKCategoricalAccuracy: 2]}",
            "takes class indices",
        ),
    ],
)
def test_a_script_has_one_kind_of_labels(training: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        script_of(config_of(HEAD, f"data: digits\ntraining: {training}", "[8, 8, 1]"))


def test_the_direction_of_a_metric_is_written_where_keras_does_not_know_it() -> None:
    training = "{metrics: [TruePositives, LogCoshError], monitor: val_logcosh}"
    loss = training.replace("}", ", loss: CategoricalCrossentropy}", 1)
    script = script_of(config_of(HEAD, f"data: digits\ntraining: {loss}", "[8, 8, 1]"))
    assert 'monitor="val_logcosh", mode="min"' in " ".join(script.split())


@pytest.mark.slow
@pytest.mark.parametrize("data", ["digits", "mnist5k"])
def test_a_script_trains_without_cnnzoo(data: str, tmp_path: Path) -> None:
    more = (
        f"data: {data}\ntraining: {{epochs: 2, optimizer: {{Adam: {{learning_rate: "
        "{CosineDecay: [1e-2, $steps]}}}, metrics: [SparseTopKCategoricalAccuracy: 2]}"
    )
    shape = {"digits": "[8, 8, 1]", "mnist5k": "[28, 28, 1]"}[data]
    config = config_of("[Rescaling: 1/255, Flatten, Dense: [$classes, softmax]]", more, shape)
    done = run(script_of(config), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "'accuracy': 0." in done.stdout
    assert (tmp_path / "net.keras").is_file()


def write_config(data: str, layers: str = HEAD, file: str = "net.yaml") -> None:
    """Write a configuration for small gray images into the working directory."""
    model = f"{{input_shape: [8, 8, 1], layers: {layers}}}"
    Path(file).write_text(f"name: net\nmodel: {model}\n{data}\n")


def prepare(script: str) -> None:
    """Run the commands that a script shows for writing `data.npz`."""
    docstring = ast.get_docstring(ast.parse(script), clean=False)
    assert docstring
    code = [line.strip() for line in docstring.splitlines() if line.startswith("    ")]
    assert code[0] == "import cnnzoo, numpy as np"
    exec("\n".join(code), {})  # noqa: S102 - it is what eject wrote


@pytest.mark.slow
def test_a_script_trains_on_arrays_that_cnnzoo_prepares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_config(
        "data: {name: cartoon_faces, label: smile, limit: 60}", "[Flatten, Dense: [1, sigmoid]]"
    )
    words = ("net.yaml", "training.epochs=1")
    script = script_of(load_config(words[0], words[1:]), words)
    prepare(script)
    done = run(script, tmp_path, "data.npz")
    assert done.returncode == 0, done.stderr
    assert "'accuracy': " in done.stdout
    assert run(script, tmp_path).stderr.splitlines()[-1] == "usage: script.py DATA.npz"


# ── what training does ─────────────────────────────────────────────────────────────────────────

DIGITS = "data: {{name: digits{}}}\ntraining: {{epochs: 1{}}}"


def fitted(
    config: Config, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> tuple[Any, Any, dict[str, Any]]:
    """The model that a script trains, its labels, and what else `fit` is given."""
    import keras

    found: list[Any] = []

    def fit(self: Any, images: Any, labels: Any, **arguments: Any) -> None:
        found.extend((self, labels, arguments))
        raise InterruptedError

    monkeypatch.setattr(keras.Sequential, "fit", fit)
    if config.model.input_shape[2] == 3:  # no package has digits in colour
        images, labels = np.zeros((10, *config.model.input_shape), np.uint8), np.arange(10)
        splits = ("train", "validation", "test")
        arrays = {f"x_{it}": images for it in splits} | {f"y_{it}": labels for it in splits}
        np.savez(folder / "data.npz", **arrays)
        monkeypatch.setattr(sys, "argv", ["script.py", str(folder / "data.npz")])
    with pytest.raises(InterruptedError):
        names_in(script_of(config))["main"]()
    return found[0], found[1], found[2]


AUGMENTATION_EXAMPLES = {
    "RandomBrightness": "{factor: 0.5}",
    "RandomColorDegeneration": "{factor: 0.9}",
    "RandomColorJitter": "{brightness_factor: 0.5}",
    "RandomContrast": "{factor: 0.5}",
    "RandomHue": "{factor: 0.5}",
    "RandomPosterization": "{factor: 3}",
    "RandomRotation": "{factor: 0.2}",
    "RandomSaturation": "{factor: [0.5, 0.95]}",
    "RandomSharpness": "{factor: 0.9}",
    "RandomShear": "{x_factor: 0.3, y_factor: 0.3}",
    "RandomTranslation": "{height_factor: 0.3, width_factor: 0.3}",
    "RandomZoom": "{height_factor: 0.5}",
    "Solarization": "{threshold_factor: 0.5}",
}


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name not in MIXING])
def test_a_script_augments_as_a_training_does(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    augment = f", augment: [{name}: {AUGMENTATION_EXAMPLES.get(name, '{}')}]"
    config = config_of(HEAD, DIGITS.format(augment, ""), shape="[8, 8, 3]")
    model, _, _ = fitted(config, monkeypatch, tmp_path)
    layer, inner = model.layers
    (expected,) = make_augmentation(config, {})
    assert type(layer) is type(expected)
    named = ("name", "seed")
    ours, theirs = (
        {key: value for key, value in it.get_config().items() if key not in named}
        for it in (layer, expected)
    )
    assert ours == theirs
    assert inner.name == "net"


@pytest.mark.parametrize("weight", ["balanced", "{'1': 2.5, '8': 0}"])
def test_a_script_weighs_classes_as_a_training_does(
    weight: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = config_of(HEAD, DIGITS.format("", f", class_weight: {weight}"))
    _, labels, arguments = fitted(config, monkeypatch, tmp_path)
    given = config.training.class_weight
    expected = class_weights(given, tuple("0123456789"), labels)
    assert expected is not None
    assert [*arguments["class_weight"]] == [*range(len(expected))]
    np.testing.assert_allclose([*arguments["class_weight"].values()], expected)


def test_weights_of_classes_that_nothing_names_are_refused() -> None:
    config = config_of(HEAD, "training: {class_weight: {cat: 2}}")
    with pytest.raises(UserError, match=r"training\.class_weight names classes"):
        script_of(config)


# ── data ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ("name: digits, balance: oversample", "balance"),
        ("arrays: x.npz, classes: [a, b, c], balance: oversample", "balance"),
        ("name: digits, augment: [RandomFlip, MixUp]", "augment"),
        ("arrays: x.npz, classes: [a, b, c], augment: [CutMix]", "augment"),
    ],
)
def test_what_a_short_script_cannot_do_is_refused_with_the_way_without(data: str, key: str) -> None:
    config = config_of(HEAD, f"data: {{{data}}}")
    with pytest.raises(UserError, match=rf"data\.{key}") as refused:
        script_of(config)
    (mistake,) = refused.value.mistakes
    without = "data.augment=[]" if key == "augment" else f"data.{key}=null"
    assert mistake.hint
    assert without in mistake.hint
    value = () if key == "augment" else None
    assert config.data
    script_of(config.model_copy(update={"data": config.data.model_copy(update={key: value})}))


def same_examples(images: Any, labels: Any, config: Config) -> None:
    """Check that images and labels are those of cnnzoo, in whatever order and split."""
    assert config.data
    dataset = load_dataset(config.data, image_shape=config.model.input_shape)
    expected = [
        (image.tobytes(), label)
        for it in dataset.splits.values()
        for image, label in zip(it.images[:], it.labels, strict=True)
    ]
    assert images.dtype == np.uint8
    assert images.shape[1:] == config.model.input_shape
    assert sorted(zip([it.tobytes() for it in images], labels, strict=True)) == sorted(expected)


@pytest.mark.parametrize(("data", "shape"), [("digits", "[8, 8, 1]"), ("mnist5k", "[28, 28, 1]")])
def test_a_script_loads_the_data_of_a_package(data: str, shape: str) -> None:
    config = config_of(HEAD, f"data: {data}", shape)
    same_examples(*names_in(script_of(config))["load_data"](), config)


def test_a_script_takes_the_loaders_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    labels = np.arange(20, dtype=np.uint8) % 10
    images = np.repeat(labels, 32 * 32 * 3).reshape(20, 32, 32, 3)
    parts = (images, labels[:, None]), (images[:10], labels[:10, None])
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: parts)
    names = "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck"
    data = f"data: {{name: cifar10, classes: [{names}]}}"
    config = config_of(HEAD, data, "[32, 32, 3]")
    script = script_of(config)
    for part, count in {"train": 20, "test": 10}.items():
        images, labels = names_in(script)["load_data"](part)
        assert images.shape == (count, 32, 32, 3)
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
    assert 'x_test, y_test = load_data("test")' in script
    # Other classes, another order, another size: cnnzoo prepares them.
    for other in (data.replace("airplane, ", ""), data.replace("cat, deer", "deer, cat")):
        assert "keras.datasets" not in script_of(config_of(HEAD, other, "[32, 32, 3]"))
    assert "keras.datasets" not in script_of(config_of(HEAD, data, "[24, 24, 3]"))


def write_digits(folder: Path, **names: str) -> None:
    """Arrays of eight images and labels of three classes, twice, by these names."""
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.integers(0, 255, (8, 8, 8), np.uint8)
        if role.startswith("x")
        else np.arange(8) % 3
        for role, name in names.items()
    }
    np.savez(folder / "it.npz", **arrays)


@pytest.mark.parametrize("labels", ["", ", labels: [cat, dog, eel]"])
def test_a_script_reads_the_arrays_that_a_file_has(labels: str, tmp_path: Path) -> None:
    write_digits(tmp_path, x="train_images", y="train_labels", x2="test_images", y2="test_labels")
    data = f"data: {{arrays: {tmp_path / 'it.npz'}{labels}, splits: {{validation: 0}}}}"
    config = config_of(HEAD, data)
    script = script_of(config)
    load_data = names_in(script)["load_data"]
    parts = [
        load_data(tmp_path / "it.npz"),
        load_data(tmp_path / "it.npz", "test_images", "test_labels"),
    ]
    same_examples(*(np.concatenate(it) for it in zip(*parts, strict=True)), config)
    assert 'load_data(sys.argv[1], "test_images", "test_labels")' in script


@pytest.mark.parametrize(
    "data",
    [
        "arrays: it.npz, classes: ['2', '0']",
        "arrays: it.npz, labels: [b, a, b]",
        "arrays: it.npz, limit: 2",
        "arrays: {images: images.npy, labels: labels.npy}",
        "name: digits, limit: 9",
        "name: digits, classes: [8, 3]",
        "folder: pictures, limit: 2",
        "folder: pictures, label_pattern: '(?P<label>[0-5])'",
        "csv: it.csv",
        "csv: it.csv, classes: {c: x, a: y, b: x}, limit: 2",
    ],
)
def test_other_data_are_arrays_that_cnnzoo_prepares(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_digits(tmp_path, x="images", y="labels")
    for name, array in np.load(tmp_path / "it.npz").items():
        np.save(tmp_path / f"{name}.npy", array)
    draw_pictures(tmp_path / "pictures", "a b c", 6)
    rows = [f"pictures/{name}/{index}.png,{name}" for name in "abc" for index in (0, 2, 4)]
    (tmp_path / "it.csv").write_text("\n".join(["path,label", *rows]))
    monkeypatch.chdir(tmp_path)
    file = "it's.yaml"
    write_config(f"data: {{{data}}}", file=file)
    script = script_of(load_config(file, ["data.seed=1"]), (file, "data.seed=1"))
    formatted(script, tmp_path)
    prepare(script)
    config = load_config(file, ["data.seed=1"])
    assert config.data
    splits = load_dataset(config.data, image_shape=(8, 8, 1)).splits
    assert "train_test_split" not in script
    for name, split in splits.items():
        load_data = names_in(script)["load_data"]
        images, labels = load_data("data.npz", f"x_{name}", f"y_{name}")
        np.testing.assert_array_equal(images, split.images[:])
        np.testing.assert_array_equal(labels, split.labels)
        assert name == "train" or f'"x_{name}", "y_{name}"' in script


def test_prepared_arrays_have_the_splits_of_the_configuration(tmp_path: Path) -> None:
    data = "data: {csv: faces.csv, classes: [a, b, c], splits: {validation: 0, test: PublicTest}}"
    script = script_of(config_of(HEAD, data))
    assert "The labels are 0 a, 1 b, 2 c." in " ".join(script.split())
    assert "x_test" in script
    assert "x_validation, y_validation" not in script
    assert run(script, tmp_path).stderr.splitlines()[-1] == "usage: script.py DATA.npz"


def test_text_of_a_configuration_is_text_in_a_script() -> None:
    odd = 'a\u202eb\n"""\nimport os #\\'
    config = config_of(HEAD, "data: {csv: it.csv, classes: [x, y, z]}").model_copy(
        update={"description": odd}
    )
    command = (odd, f"model.classes={odd}")
    script = script_of(config, command)
    assert all(line.isprintable() for line in script.splitlines())
    module = ast.parse(script)
    docstring = ast.get_docstring(module, clean=False) or ""
    assert docstring.startswith("net: a\u202eb")
    assert repr(odd) in docstring
    assert "os" not in names_in(script)


def draw_pictures(folder: Path, classes: str, count: int, seed: int = 0) -> None:
    """Noise around a brightness for each class, in any size, one picture lying on its side."""
    rng = np.random.default_rng(seed)
    for number, name in enumerate(classes.split()):
        (folder / name / "deeper").mkdir(parents=True)
        for index in range(count):
            size = (int(rng.integers(5, 30)), int(rng.integers(5, 30)), 3)
            pixels = rng.integers(100 * number, 100 * number + 50, size).astype(np.uint8)
            exif = Image.Exif()
            exif[0x0112] = 6 if index == 0 else 1
            place = folder / name / ("deeper" if index % 2 else "") / f"{index}.png"
            Image.fromarray(pixels).save(place, exif=exif)
        (folder / name / "notes.txt").write_text("no picture")
        (folder / name / "._0.png").write_bytes(b"no picture")
        for ignored in (".checkpoints", "@eaDir", "deeper/#recycle", "System Volume Information"):
            (folder / name / ignored).mkdir()
            Image.fromarray(pixels).save(folder / name / ignored / "0.png")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resize", ["stretch", "crop", "{method: crop, interpolation: lanczos}"])
def test_a_script_reads_the_pixels_of_a_folder(resize: str, channels: int, tmp_path: Path) -> None:
    draw_pictures(tmp_path / "pictures", "a b", 6)
    data = f"folder: {tmp_path / 'pictures'}, resize: {resize}"
    config = config_of(HEAD, f"data: {{{data}}}", shape=f"[9, 7, {channels}]")
    images, labels = names_in(script_of(config))["load_data"](tmp_path / "pictures")
    assert len(images) == 12
    same_examples(images, labels, config)


def test_a_script_pads_pictures_within_a_pixel(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "pictures", "a b", 6)
    config = config_of(HEAD, f"data: {{folder: {tmp_path / 'pictures'}, resize: pad}}")
    script = script_of(config)
    assert "With data.resize: pad, a picture can be shifted by a pixel." in script
    images, labels = names_in(script)["load_data"](tmp_path / "pictures")
    assert config.data
    splits = load_dataset(config.data, image_shape=(8, 8, 1)).splits.values()
    expected = [
        (label, image.sum())
        for it in splits
        for image, label in zip(it.images[:], it.labels, strict=True)
    ]
    found = zip(labels, images.sum((1, 2, 3)), strict=True)
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", {"a": 0, "b": 1, "c": 2}),
        (", classes: [c, a]", {"c": 0, "a": 1}),
        (", classes: {c: first, a: second, b: first}", {"a": 1, "b": 0, "c": 0}),
        (", labels: {a: x, b: y, c: z}, classes: [z, x]", {"c": 0, "a": 1}),
        (", labels: {a: x, b: y, c: x, d: y}", {"a": 0, "b": 1, "c": 0}),
    ],
)
def test_a_script_gives_folders_the_labels_of_their_classes(
    settings: str, expected: dict[str, int], tmp_path: Path
) -> None:
    draw_pictures(tmp_path / "pictures", "a b c", 3)
    config = config_of(HEAD, f"data: {{folder: {tmp_path / 'pictures'}{settings}}}")
    images, labels = names_in(script_of(config))["load_data"](tmp_path / "pictures")
    bright = {"a": 0, "b": 100, "c": 200}
    found = {
        (int(image.mean() // 100 * 100), int(it)) for image, it in zip(images, labels, strict=True)
    }
    assert found == {(bright[name], index) for name, index in expected.items()}


def test_two_folders_of_one_split_are_prepared(tmp_path: Path) -> None:
    for part in ("train", "val", "valid"):
        draw_pictures(tmp_path / part, "a b", 2)
    assert "cnnzoo.load_dataset" in script_of(config_of(HEAD, f"data: {{folder: {tmp_path}}}"))


def test_suffixes_and_system_folders_are_those_of_cnnzoo() -> None:
    assert tuple(FORMATS) == SUFFIXES
    assert set(SYSTEM_FOLDERS) == image_names.SYSTEM_FOLDERS


def test_a_class_is_found_in_either_form_of_unicode(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "pictures", "e\u0301 z", 2)  # e with an accent, decomposed
    data = f"data: {{folder: {tmp_path / 'pictures'}, classes: [\u00e9, z]}}"
    load_data = names_in(script_of(config_of(HEAD, data)))["load_data"]
    assert sorted(load_data(tmp_path / "pictures")[1]) == [0, 0, 1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("in_parts", [False, True])
def test_a_script_trains_on_a_folder(in_parts: bool, tmp_path: Path) -> None:
    folder = tmp_path / "my faces"
    for part in ("train", "test") if in_parts else ("",):
        draw_pictures(folder / part, "a b", 20)
    more = (
        f"data: {{folder: {folder}, augment: [RandomFlip: horizontal], on_error: skip}}\n"
        "training: {epochs: 1, batch_size: 8, class_weight: balanced}"
    )
    script = script_of(config_of(HEAD, more))
    formatted(script, tmp_path)
    assert "Not supported: data.on_error: skip" in script
    assert "Usage: python net.py FOLDER\n" in script
    done = run(script, tmp_path, "my faces")
    assert done.returncode == 0, done.stderr
    assert "'accuracy': " in done.stdout
    assert run(script, tmp_path).stderr.splitlines()[-1] == "usage: script.py FOLDER"
