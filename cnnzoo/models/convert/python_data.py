"""Convert the `data` section of a configuration to a Python function that loads the data.

Data that Keras or a package can load, folders of pictures and plain .npz files are read directly.
All other data are read from an .npz file that cnnzoo writes; the script has the commands for it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

from cnnzoo.config.data import DEFAULT_FRACTIONS, MIXING, DataConfig
from cnnzoo.config.schema import Config
from cnnzoo.errors import Mistake, UserError
from cnnzoo.models.convert.python_text import INDENT, flat, laid_out, literal, mapping

# For each split its parts of the source by name, or a fraction of the training part.
Splits = Mapping[str, tuple[str, ...] | float]
ONE_POOL: Splits = {"train": ("",), **DEFAULT_FRACTIONS}

# As in `cnnzoo.datasets.images.decode.FORMATS`.
SUFFIXES = (
    ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp",
)  # fmt: skip
# As in `cnnzoo.datasets.image_names`.
SYSTEM_FOLDERS = (
    "#recycle", "#snapshot", "$extend", "$recycle.bin", "@eadir", "@recently-snapshot",
    "@recycle", "@sharebin", "@sharesnap", "@synoresource", "@tmp", "__macosx", "__pycache__",
    "lost+found", "network trash folder", "recycled", "recycler", "system volume information",
    "temporary items", "~snapshot",
)  # fmt: skip
_MODES = {1: "L", 3: "RGB"}
_FITTED = {
    "stretch": "image.resize(size, Image.Resampling.{})",
    "crop": "ImageOps.fit(image, size, Image.Resampling.{})",
    "pad": "ImageOps.pad(image, size, Image.Resampling.{})",
}
_RANDOM_SPLIT = (
    "Examples are held out at random: train, validation and test have other examples than those of "
    "cnnzoo."
)


@dataclass(frozen=True, slots=True)
class Source:
    """The description of the data of a configuration, before the data are read.

    `arrays` has for each part of an .npz file the names of its images and labels, if these can be
    used unchanged (`cnnzoo.datasets.parts`). `command` is the configuration and the overrides as
    they were given to cnnzoo.
    """

    class_names: tuple[str, ...] = ()
    splits: Splits = field(default_factory=lambda: ONE_POOL)
    arrays: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    command: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """The splits that are parts of the source, with the names of these parts."""
        return {split: it for split, it in self.splits.items() if not isinstance(it, float)}


@dataclass(frozen=True, slots=True)
class Loading:
    """The function `load_data` of a script, and its calls.

    `calls` has for each split the arguments of `load_data`, or the fraction of the training part
    that is held out. `word` is the argument of the script, `notes` are paragraphs of its docstring,
    `code` is code that the docstring shows.
    """

    function: str
    calls: Mapping[str, str | float]
    word: str = ""
    notes: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


def loading(config: Config, source: Source) -> Loading:
    """Return the function that loads the data of a configuration.

    Raises UserError for settings that a short script cannot follow.
    """
    data = config.data
    if data is None:
        return _arrays(config, {"": ("images", "labels")}, source)
    _refuse(data)
    changed = (data.limit, data.exclude, data.label, data.image, data.group, data.fold)
    if not any(changed):
        numbered = index_of_value(data, source.class_names)
        for way in (_package, _folder, _npz):
            if found := way(config, data, source, numbered):
                return found
    return _prepared(config, source)


def index_of_value(data: DataConfig, class_names: tuple[str, ...]) -> dict[str, int]:
    """Return for each label value of the source that is used the index of its class."""
    chosen = data.classes or class_names
    class_of = chosen if isinstance(chosen, dict) else {name: name for name in chosen}
    named = data.labels or {name: name for name in class_of}
    pairs = named.items() if isinstance(named, dict) else enumerate(named)
    return {
        str(value): class_names.index(class_of[name]) for value, name in pairs if name in class_of
    }


def _in_order(numbered: Mapping[str, int]) -> bool:
    return [*numbered.values()] == [*range(len(numbered))]


def _refuse(data: DataConfig) -> None:
    mistakes = [
        Mistake(
            f"data.augment: {mixing.name} mixes images and labels, which a short script cannot do",
            mixing.place,
            "remove it from data.augment; data.augment=[] removes all of them",
        )
        for mixing in data.augment
        if mixing.name in MIXING
    ]
    if data.balance is not None:
        mistakes.append(
            Mistake(
                "data.balance repeats examples in a new order every epoch, which a short script "
                "cannot do",
                data.place("balance"),
                "remove it: data.balance=null, perhaps with training.class_weight=balanced",
            )
        )
    if mistakes:
        raise UserError.of(mistakes)


def _shape(config: Config) -> str:
    return ", ".join(map(str, config.model.input_shape))


# ── packages ───────────────────────────────────────────────────────────────────────────────────

_DIGITS = tuple("0123456789")
_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
            "Bag", "Ankle boot")  # fmt: skip
_THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
           "truck")  # fmt: skip

_MNIST5K = '''\
def load_data():
    """Return 5,000 digits of MNIST, uint8 [5000, 28, 28, 1], and labels [5000]."""
    images, labels = mnist_data()
    return images.astype("uint8").reshape(-1, 28, 28, 1), labels'''
_SKLEARN = '''\
def load_data():
    """Return 1,797 digits, uint8 [1797, 8, 8, 1], and labels [1797]."""
    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype("uint8")
    return images.reshape(-1, 8, 8, 1), digits.target'''
_KERAS = '''\
def load_data(part):
    """Return images uint8 [n, {}] and labels [n]; Keras downloads them once."""
    train, test = keras.datasets.{}.load_data()
    images, labels = train if part == "train" else test
    return images.reshape(-1, {}), labels.ravel()'''

# Name → the shape of an image, the names of the labels 0, 1, …, and the function.
_PACKAGES = {
    "mnist5k": ((28, 28, 1), _DIGITS, _MNIST5K),
    "digits": ((8, 8, 1), _DIGITS, _SKLEARN),
    "mnist": ((28, 28, 1), _DIGITS, _KERAS),
    "fashion_mnist": ((28, 28, 1), _CLOTHES, _KERAS),
    "cifar10": ((32, 32, 3), _THINGS, _KERAS),
}


def _package(
    config: Config, data: DataConfig, source: Source, numbered: Mapping[str, int]
) -> Loading | None:
    """Load all images of a data set at their size, with all classes in their order."""
    name = data.name or data.tfds or ""
    if name not in _PACKAGES:
        return None
    shape, values, function = _PACKAGES[name]
    if shape != config.model.input_shape or (*numbered,) != values or not _in_order(numbered):
        return None
    calls = {split: part and literal(part) for split, (part,) in source.parts.items()}
    return _loading(
        function.format(_shape(config), name, _shape(config)) if function is _KERAS else function,
        {split: str(flat(it)) for split, it in calls.items()},
        source,
    )


def _loading(
    function: str,
    calls: Mapping[str, str],
    source: Source,
    *,
    word: str = "",
    notes: tuple[str, ...] = (),
) -> Loading:
    """A function and its calls, with the fractions that are held out of the training part."""
    fractions = {split: it for split, it in source.splits.items() if isinstance(it, float)}
    held_out = (_RANDOM_SPLIT,) if any(fractions.values()) else ()
    return Loading(function, {**calls, **fractions}, word, (*notes, *held_out))


# ── folders ────────────────────────────────────────────────────────────────────────────────────

_FROM_FOLDER = '''\
def load_data(folder):
    """Return images uint8 [n, {shape}] and labels [n] from folder/CLASS/."""
{label_of}
{suffixes}
    # Folders that are made by operating systems and network storage.
{system}
    size = ({width}, {height})
    images, labels = [], []
    for path in sorted(filter(Path.is_file, Path(folder).rglob("*"))):
        name, *inner = path.relative_to(folder).parts{normal}
        hidden = any(part[0] == "." or part.casefold() in system for part in inner)
        if name not in label_of or hidden or path.suffix.lower() not in suffixes:
            continue
        image = ImageOps.exif_transpose(Image.open(path)).convert("{mode}")
        images.append(np.asarray({fitted}))
        labels.append(label_of[name])
    print(f"{{len(images)}} pictures in {{folder}}")
    return np.stack(images).reshape(-1, {shape}), np.array(labels)'''


def _folder(
    config: Config, data: DataConfig, source: Source, numbered: Mapping[str, int]
) -> Loading | None:
    """The pictures below a folder, decoded and fitted with Pillow."""
    height, width, channels = config.model.input_shape
    parts = source.parts
    if not data.folder or data.label_pattern or channels not in _MODES:
        return None
    if any(len(folders) > 1 for folders in parts.values()):
        return None
    pairs = [(f"{flat(literal(value))}: ", literal(index)) for value, index in numbered.items()]
    is_ascii = all(map(str.isascii, numbered))
    function = _FROM_FOLDER.format(
        shape=_shape(config),
        height=height,
        width=width,
        mode=_MODES[channels],
        normal="" if is_ascii else f'\n{INDENT * 2}name = unicodedata.normalize("NFC", name)',
        label_of="\n".join(laid_out(mapping(pairs), 1, "label_of = ")),
        suffixes="\n".join(laid_out(literal(SUFFIXES), 1, "suffixes = ")),
        system="\n".join(laid_out(literal(SYSTEM_FOLDERS), 1, "system = ")),
        fitted=_FITTED[data.resize.method].format(data.resize.interpolation.upper()),
    )
    notes = [
        "FOLDER has a folder of pictures for each class. Their pixels are those of cnnzoo, except "
        "for transparent pictures, those with 16 bits, and JPEGs much larger than the model takes."
    ]
    if data.resize.method == "pad":
        notes.append("With data.resize: pad, a picture can be shifted by a pixel.")
    if data.on_error == "skip":
        notes.append("Not supported: data.on_error: skip; an unreadable file stops the script.")
    calls = {
        split: f"Path(sys.argv[1], {flat(literal(part))})" if part else "sys.argv[1]"
        for split, (part,) in parts.items()
    }
    if any(part for (part,) in parts.values()):
        notes[0] = notes[0].replace("has a folder", "has a folder for each split, and in it one", 1)
    return _loading(function, calls, source, word="FOLDER", notes=tuple(notes))


# ── arrays ─────────────────────────────────────────────────────────────────────────────────────

_FROM_NPZ = '''\
def load_data(path, images={}, labels={}):
    """Return images uint8 [n, {}] and labels [n] of an .npz file."""
    with np.load(path) as arrays:
        return arrays[images].reshape(-1, {}), arrays[labels]'''


def _arrays(config: Config, names: Mapping[str, tuple[str, str]], source: Source) -> Loading:
    """The arrays of an .npz file; `names` has those of each part of the source."""
    literals = {part: [flat(literal(name)) for name in names[part]] for part in names}
    first = literals[source.parts["train"][0]]
    calls = {
        split: ", ".join(["sys.argv[1]", *(literals[part] if literals[part] != first else ())])
        for split, (part,) in source.parts.items()
    }
    function = _FROM_NPZ.format(*first, _shape(config), _shape(config))
    return _loading(function, calls, source, word="DATA.npz")


def _npz(
    config: Config, data: DataConfig, source: Source, numbered: Mapping[str, int]
) -> Loading | None:
    """An .npz file with images of the model's shape, and labels that are indices of classes."""
    parts = source.parts.values()
    known = all(len(names) == 1 and names[0] in source.arrays for names in parts)
    if not known or not _in_order(numbered) or any(key != str(numbered[key]) for key in numbered):
        return None
    return _arrays(config, source.arrays, source)


def _prepared(config: Config, source: Source) -> Loading:
    """An .npz file with the three splits, which cnnzoo writes; the docstring shows how."""
    splits = {split: (f"x_{split}", f"y_{split}") for split in ("train", "validation", "test")}
    made = Source(source.class_names, {it: (it,) for it in splits if source.splits[it]})
    loaded = _arrays(config, splits, made)
    name, *overrides = source.command or (config.name,)
    given = f"{name!r}, {overrides}" if overrides else repr(name)
    names = ", ".join(f"{index} {name}" for index, name in enumerate(source.class_names))
    code = f"""\
import cnnzoo, numpy as np
config = cnnzoo.load_config({given})
shape = config.model.input_shape
splits = cnnzoo.load_dataset(config.data, image_shape=shape).splits
images = {{f'x_{{name}}': split.images[:] for name, split in splits.items()}}
labels = {{f'y_{{name}}': split.labels for name, split in splits.items()}}
np.savez('data.npz', **images, **labels)"""
    notes = (
        f"The labels are {textwrap.shorten(names, 500, placeholder=' …')}. DATA.npz has the "
        "images and labels that cnnzoo trains on; with cnnzoo installed, this writes it:",
    )
    return Loading(
        loaded.function, loaded.calls, word=loaded.word, notes=notes, code=tuple(code.splitlines())
    )
