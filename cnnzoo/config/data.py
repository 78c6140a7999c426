"""Schema of the `data` section: source of the examples, splits, resizing and augmentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from cnnzoo import limits
from cnnzoo.config.calls import Call, shown
from cnnzoo.config.composites import find_entry
from cnnzoo.config.data_sources import BELONGS_TO, SOURCES
from cnnzoo.config.located import key_place, located_items, value_place
from cnnzoo.config.paths import absolute
from cnnzoo.config.section import Fraction, Positive, Section, Seed, list_of_calls
from cnnzoo.config.wording import form_hint
from cnnzoo.errors import ConfigError, Mistake, Place
from cnnzoo.text import joined, listed, nfc

# Fractions that are held out for splits that the source does not have.
DEFAULT_FRACTIONS = {"validation": 0.1, "test": 0.2}

# Layers that mix the examples of a batch, labels too.
MIXING = ("MixUp", "CutMix")

# Keras' layers that change images at random.
AUGMENTATIONS = (
    "CutMix",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Solarization",
)

# Arguments of augmentations that the configuration does not set. By default, RandomSaturation clips
# the saturation, a fraction, to the range of pixel values, so that it can grow far above 1.
AUGMENTATION_DEFAULTS: dict[str, dict[str, Any]] = {"RandomSaturation": {"value_range": (0, 1)}}

# Layers that resemble augmentations, each with the reason why it is refused.
_NOT_RANDOM = "it does the same to every image; put it among model.layers"
NO_AUGMENTATIONS = {
    "AugMix": "a compiled training step would repeat for ever the operations that it drew first; "
    "use RandAugment",
    "AutoContrast": _NOT_RANDOM,
    "ContrastLimitedAdaptiveHistogramEqualization": _NOT_RANDOM,
    "Equalization": _NOT_RANDOM,
    "RandomCrop": "it changes the size of the images; use RandomTranslation or RandomZoom",
}


def _text(value: Any) -> Any:
    """Convert a number that names a class or a value of a label to text: 0 is '0'."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return nfc(value) if isinstance(value, str) else value


def _names(value: Any) -> Any:
    """Convert a list of class names, or a mapping to them; numbers are names too."""
    if isinstance(value, list | tuple):
        return tuple(_text(item) for item in value)
    if isinstance(value, dict):
        return {nfc(str(key)): _text(item) for key, item in value.items()}
    return value


Name = Annotated[str, Field(min_length=1)]
_Written = Name | int
Names = Annotated[
    tuple[Name, ...] | dict[Name, Name],
    BeforeValidator(_names, json_schema_input_type=tuple[_Written, ...] | dict[Name, _Written]),
]


def _increasing(value: tuple[float, float]) -> tuple[float, float]:
    if not value[0] < value[1]:
        raise ValueError(f"must be [BLACK, WHITE], the smaller value first, not {list(value)}")
    return value


Finite = Annotated[float, Field(allow_inf_nan=False)]


def _from_black(value: Any) -> Any:
    """Convert a single number, the value of white, to a range; black is 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (0, value) if is_number else tuple(value) if isinstance(value, list) else value


PixelRange = Annotated[
    tuple[Finite, Finite],
    BeforeValidator(_from_black, json_schema_input_type=tuple[Finite, Finite] | Finite),
    AfterValidator(_increasing),
]


class Splits(Section):
    """Parts of the examples: a fraction to hold out, or the name of a part of the source.

    By default, `validation` and `test` are the parts of the source; if it does not have them, 0.1
    and 0.2 of its examples. The remaining examples are for training.
    """

    train: str | None = None
    """Part of the source for training."""
    validation: Fraction | str | None = None
    """Examples that choose the best epoch: a fraction, or a part of the source."""
    test: Fraction | str | None = None
    """Examples that measure the result: a fraction, or a part of the source."""

    @field_validator("validation", "test")
    @classmethod
    def _no_number_in_quotes(cls, value: float | str | None) -> float | str | None:
        if hint := form_hint(value, lambda meant: isinstance(meant, float) and 0 <= meant < 1):
            raise ValueError(f"must be a number, not {value!r}; {hint}")
        return value

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> Self:
        fractions = (self.validation, self.test)
        held_out = sum(value for value in fractions if isinstance(value, float | int))
        if held_out >= 1:
            raise ValueError(
                f"must leave examples to train: validation and test are {held_out:g} of them"
            )
        return self


class Resize(Section):
    """Resizing of images to the input of the model; a bare word is the method.

    `stretch` changes the proportions, `crop` cuts the edges, `pad` adds black.
    """

    method: Literal["stretch", "crop", "pad"] = "stretch"
    """stretch changes proportions, crop cuts, pad adds black."""
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"
    """Filter, by its name in Pillow."""

    @model_validator(mode="before")
    @classmethod
    def _bare_method(cls, value: Any) -> Any:
        return {"method": value} if isinstance(value, str) else value


class Fold(Section):
    """One fold of a cross-validation: its examples are the test split, the others are trained on.

    The folds are made of the examples for training and validation; those that `data.splits` would
    take from them for the test split are in the folds too. `validation` is its fraction of the
    examples outside the fold. `cnnzoo crossval` sets this section.
    """

    number: Positive
    """Fold that is held out, from 1."""
    of: Annotated[int, Field(ge=2, le=limits.FOLDS)]
    """Number of folds."""
    repeat: Positive = 1
    """Division into folds: each number gives another one."""

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.number > self.of:
            raise ValueError(f"must have a number of at most {self.of}, not {self.number}")
        return self


class DataConfig(Section):
    """Source of the examples, splits, resizing and augmentation; a bare string is a name.

    Exactly one of `name`, `folder`, `csv`, `arrays` and `tfds` is the source. A path is relative to
    the folder of the file that contains it; from Python or the command line, to the working
    directory.
    """

    name: str | None = None
    """A sample that needs no download, or a well-known data set."""
    folder: str | None = None
    """Images in one folder per class, optionally in folders train, validation and test."""
    csv: str | None = None
    """A table: emotion,pixels,Usage, or label,pixel0,…, or path,label,split."""
    arrays: str | dict[str, str] | None = None
    """An .npz file, a folder of IDX or .npy files, or files by array name."""
    tfds: str | None = None
    """A data set of tensorflow-datasets, by its name there."""
    label: str | None = None
    """Label to learn: a label of a sample, a column, a feature such as a/b."""
    image: str | None = None
    """Column or feature with the images."""
    label_pattern: str | None = None
    """A regular expression whose group (?P<label>…) is a file's label."""
    group: Annotated[str, Field(min_length=1, max_length=limits.PATTERN)] | None = None
    """Subject of an image, whose images stay in one split: a pattern in its path, or a column."""
    labels: Names | None = None
    """Names for the labels of the source: {0: man, 1: woman}."""
    data_dir: str | None = None
    """Directory in which tensorflow-datasets keeps prepared data."""
    manual_dir: str | None = None
    """Directory with files that tensorflow-datasets cannot download itself."""
    classes: Annotated[Names, Field(min_length=2)] | None = None
    """Classes to learn, in this order; a mapping renames: {cat: pet, dog: pet}."""
    limit: Positive | None = None
    """Largest number of examples of each class."""
    splits: Splits = Field(default_factory=Splits)
    """Examples to hold out, by fraction or by the parts of the source."""
    fold: Fold | None = None
    """Fold of a cross-validation to hold out instead; cnnzoo crossval sets it."""
    seed: Seed = 0
    """Seed of the examples that are held out, or kept by limit."""
    resize: Resize = Field(default_factory=Resize)
    """Resizing of images to the input of the model."""
    exclude: str | None = None
    """File with names to exclude, as cnnzoo data check --write-exclusions writes it."""
    follow_links: bool | None = None
    """Follow links that lead out of the folder."""
    image_dir: str | None = None
    """Folder that the paths of the table are relative to; by default the folder of the table."""
    image_suffix: str | None = None
    """Suffix that is added to each path of the table: .png."""
    pixel_range: PixelRange | None = None
    """Values of black and white: [0, 4095] for 12 bits."""
    layout: Literal["channels_last", "channels_first"] | None = None
    """Position of the colour axis: last (RGB of each pixel in turn) or first."""
    on_error: Literal["stop", "skip"] = "stop"
    """Reaction to an unreadable file: stop, or skip it."""
    augment: Annotated[tuple[Call, ...], list_of_calls("layers")] = ()
    """Keras' random image layers, active in training only."""
    balance: Literal["oversample"] | None = None
    """oversample: in training, every class is as frequent as the largest."""

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _keep_to_one_source(cls, value: Any) -> Any:
        """Refuse a second source, and keys that belong to another source, at their places."""
        if not isinstance(value, dict):
            return value
        given = [key for key in value if value[key] is not None]
        sources = [key for key in given if key in SOURCES]
        if len(sources) > 1:
            message = f"data has {len(sources)} sources, {' and '.join(sources)}"
            raise ConfigError(message, place=key_place(value, sources[-1]), hint="keep one of them")
        mistakes = [
            Mistake(
                f"data has {key!r}, which belongs to {' or '.join(BELONGS_TO[key])}, "
                f"not to {sources[0]}",
                key_place(value, key),
            )
            for key in given
            if sources and sources[0] not in BELONGS_TO.get(key, SOURCES)
        ]
        if mistakes:
            raise ConfigError.of(mistakes)
        return value

    @model_validator(mode="before")
    @classmethod
    def _locate_paths(cls, value: Any) -> Any:
        """Make paths absolute, so that a copy of the configuration in a run has the same data."""
        if not isinstance(value, dict):
            return value
        located = value.copy()
        for key in ("folder", "csv", "arrays", "data_dir", "manual_dir", "exclude", "image_dir"):
            if isinstance(given := value.get(key), str):
                located[key] = absolute(given, value_place(value, key))
            elif isinstance(given, dict):
                located[key] = {
                    name: absolute(path, value_place(given, name)) for name, path in given.items()
                }
        return located

    @field_validator("label_pattern")
    @classmethod
    def _names_a_label(cls, pattern: str | None) -> str | None:
        if pattern is not None and "label" not in _compiled(pattern).groupindex:
            raise ValueError(f"needs a group (?P<label>…), which {shown(pattern)} does not have")
        return pattern

    @field_validator("group")
    @classmethod
    def _is_a_pattern(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            _compiled(pattern)
        return pattern

    @field_validator("classes")
    @classmethod
    def _name_each_once(cls, classes: Any) -> Any:
        repeated = [name for name in classes or () if list(classes).count(name) > 1]
        if repeated:
            raise ValueError(f"names {repeated[0]!r} twice")
        return classes

    @field_validator("augment", mode="before")
    @classmethod
    def _change_images_at_random(cls, values: Any) -> Any:
        """Refuse other layers by name before their arguments, which may be layers, are read."""
        items = located_items(values) if isinstance(values, list | tuple) else ()
        named = [(_name_of(value), place) for value, place in items]
        mistakes = [
            _no_augmentation(name, place)
            for name, place in named
            if name not in AUGMENTATIONS and find_entry("layers", name)
        ]
        if mistakes:
            raise ConfigError.of(mistakes)
        return values

    @model_validator(mode="after")
    def _have_a_source(self) -> Self:
        if all(getattr(self, key) is None for key in SOURCES):
            raise ValueError(
                f"needs one source, {joined(SOURCES, 'or')}; for example name: mnist5k"
            )
        return self

    @property
    def source(self) -> str:
        """Key of the source: `name`, `folder`, `csv`, `arrays` or `tfds`."""
        return next(key for key in SOURCES if getattr(self, key) is not None)

    @property
    def title(self) -> str:
        """Name of the data for messages: the name, or the last part of the path."""
        value = getattr(self, self.source)
        if isinstance(value, dict):
            return listed(Path(path).name for path in value.values())
        return value if self.source in ("name", "tfds") else Path(value).name

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Class names in order, or None if `classes` is not set."""
        if self.classes is None:
            return None
        names = self.classes.values() if isinstance(self.classes, dict) else self.classes
        return tuple(dict.fromkeys(names))


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a compiled pattern; it is matched in another process, see `datasets/matching.py`."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    except (RecursionError, OverflowError, MemoryError):
        raise ValueError("is too large or too deep for a regular expression") from None


def _name_of(value: Any) -> str:
    """Return the class that an item of a list of calls names."""
    return str(next(iter(value), "") if isinstance(value, dict) else getattr(value, "name", value))


def _no_augmentation(name: str, place: Place | None) -> Mistake:
    known = f"augmentations: {', '.join(AUGMENTATIONS)}"
    return Mistake(f"{name} is not an augmentation", place, NO_AUGMENTATIONS.get(name, known))
