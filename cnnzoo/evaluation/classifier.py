"""A trained model with its class names and the way that images are fitted to its input."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import Resize
from cnnzoo.datasets.contrast import Range, ground_text
from cnnzoo.datasets.dataset import Images, ImageShape
from cnnzoo.datasets.images.fit import MODES, Fit
from cnnzoo.errors import CnnzooError, RunError
from cnnzoo.evaluation.assumptions import names_note, scaling_note
from cnnzoo.evaluation.predictions import check_probabilities
from cnnzoo.models.activations import images_at_once
from cnnzoo.models.backend import load_keras
from cnnzoo.models.objects import first_line
from cnnzoo.models.runtimes.contract import Contract
from cnnzoo.models.runtimes.open import OPENERS, is_exported, open_exported
from cnnzoo.models.saved import Description, Trust, described, load_model, read_description
from cnnzoo.runs.hub import is_downloaded
from cnnzoo.runs.run import RECORD, Run, open_run
from cnnzoo.runs.trained import trained_run
from cnnzoo.text import listed

# Images in a batch; fewer if they are large, because a single image waits for a whole batch.
MAX_BATCH, MIN_BATCH = 256, 16
BATCH_VALUES = 2**19


@dataclass(frozen=True, slots=True)
class Classifier:
    """A Keras or exported model, its class names in order, and how an image becomes its input.

    `named` is false if the classes have no names and are called 0, 1, …. `notes` are assumptions
    about a model that cnnzoo did not write. `contrast` is the range of its training images, if it
    is known.
    """

    model: Any
    class_names: tuple[str, ...]
    fit: Fit
    named: bool = True
    notes: tuple[str, ...] = ()
    contrast: Range | None = None


def open_classifier(
    run: Run | Path | str, *, device: str = "auto", trust: Trust | None = None
) -> Classifier:
    """Return the best model of a run, the model in a `.keras` file, or an exported one.

    An ONNX or LiteRT file needs neither Keras nor TensorFlow. `trust` is for `load_model`.

    Raises:
        RunError: the model is missing, damaged, or does not classify images.
        DeviceError: the device is missing.
        UserError: the runtime of an exported model is not installed.

    """
    run = run if isinstance(run, Run) else run_or_file(Path(run))
    path = run.model_path if isinstance(run, Run) else run
    description: Description | Contract | None
    contrast = None
    if not isinstance(run, Run) and is_exported(path):
        model: Any = open_exported(path, device)
        description = model.contract
    else:
        load_keras(device)
        model = load_model(path, trust=trust)
        saved = read_description(path)
        contrast = saved.contrast if saved else None
        description = _description_of(run) if isinstance(run, Run) else saved
    shape, outputs = _input_and_outputs(model, path)
    classes = max(outputs, 2)  # one sigmoid unit is for two classes
    names = description.class_names if description else tuple(map(str, range(classes)))
    if len(names) != classes:
        raise RunError(
            f"{path} has {classes} classes, but {len(names)} class names: " + listed(names, 10),
            hint="restore the file, or train again",
        )
    resize = description.resize if description else Resize()
    pixel_range = description.pixel_range if description else None
    notes = () if description else (names_note(path), scaling_note(model, path))
    return Classifier(
        model,
        names,
        Fit.of(shape, resize, pixel_range),
        named=bool(description),
        notes=tuple(filter(None, notes)),
        contrast=contrast,
    )


def expected_text(classifier: Classifier) -> str:
    """Return the images that a model expects: size, colour, ground and classes."""
    height, width, channels = classifier.fit.shape
    kind = "gray" if channels == 1 else "colour"
    ground = ground_text(classifier.contrast) if classifier.contrast else ""
    names = classifier.class_names
    return (
        f"{width}x{height} {kind} images{ground and f', {ground}'}, of "
        f"{len(names)} classes: {listed(names)}"
    )


def predict_probabilities(
    model: Any, images: Images, size: int | None = None, *, mirror: bool = False
) -> NDArray[np.float32]:
    """Return probabilities float32 [n, classes] for images uint8 [n, height, width, channels].

    With `mirror`, those of the images with left and right exchanged.

    A model with one sigmoid unit gives the probability of the second of two classes. The last batch
    is padded to one size, by default `batch_size`: on a CPU, the probabilities of an image then do
    not depend on the other images, to the last bit, and no backend compiles the model twice.

    Raises RunError if the model fails or its outputs are not probabilities.
    """
    count, shape = images.shape[0], images.shape[1:]
    size = size or batch_size(shape, model)
    outputs = []
    for start in range(0, count, size):
        batch = images[start : start + size]
        if mirror:
            batch = batch[:, :, ::-1]
        missing = size - len(batch)
        if missing:
            batch = np.concatenate([batch, np.zeros((missing, *shape), np.uint8)])
        try:
            outputs.append(model.predict_on_batch(batch)[: size - missing])
        except CnnzooError:
            raise
        except Exception as error:  # each backend raises different classes
            raise RunError(f"the model fails: {first_line(error)}") from error
    output = np.concatenate(outputs, dtype=np.float32)
    probabilities = np.hstack([1 - output, output]) if output.shape[1] == 1 else output
    check_probabilities(probabilities)
    return probabilities


def batch_size(shape: tuple[int, ...], model: Any) -> int:
    """Return how many images of this shape (height, width, channels) a model takes at once.

    For a network of large layers it is as many as memory holds (`cnnzoo.limits`).
    """
    fitting = BATCH_VALUES // prod(shape)
    # Libraries are fast at powers of two.
    size = min(MAX_BATCH, max(MIN_BATCH, 1 << fitting.bit_length() >> 1))
    return images_at_once(model, size) if hasattr(model, "layers") else size


def run_or_file(path: Path) -> Run | Path:
    """Return the run in a directory, or the path of a `.keras` file or an exported model.

    A name that does not exist as a path is a trained network of cnnzoo. Raises RunError if it is
    something else.
    """
    if is_exported(path) or is_downloaded(path):
        return path
    if not path.exists() and (trained := trained_run(str(path))):
        return trained
    if path.suffix != ".keras" and not path.is_file():
        return open_run(path)
    if not path.is_file():
        raise RunError(f"the model {str(path)!r} does not exist")
    if path.suffix != ".keras":
        raise RunError(
            f"{path} is neither a run directory nor a .keras file nor an exported model "
            f"({', '.join(OPENERS)})",
            hint="in Python, model.save('model.keras') writes one, also from an .h5 file",
        )
    return path


def _description_of(run: Run) -> Description:
    config, record = run.config(), run.record()
    fit = {"resize": config.data.resize} if config.data else {}
    fit |= {"pixel_range": record.get("data", {}).get("pixel_range")}
    return described({"class_names": record.get("class_names"), **fit}, str(run.path / RECORD))


def _input_and_outputs(model: Any, path: Path) -> tuple[ImageShape, int]:
    """Return the image shape and the number of outputs of a model; refuse any other model."""
    takes, gives = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    match takes, gives:
        case (None, int(height), int(width), int(channels)), (None, int(outputs)):
            if channels in MODES:
                return (height, width, channels), outputs
    raise RunError(
        f"{path} does not classify images of one size: its input is {takes} and its output "
        f"{gives}, not (None, height, width, 1 or 3) and (None, classes)",
        hint=_hint(takes),
    )


def _hint(takes: Any) -> str:
    """Return how to save a model with another input."""
    match takes:
        case (int(size), *_):
            return f"it has a fixed batch size of {size}; save it with keras.Input({takes[1:]})"
        case (None, None, _, _) | (None, _, None, _):
            return (
                "it has no fixed input size; in Python, keras.Sequential([keras.Input((224, 224, "
                "3)), model]).save('fixed.keras') fixes the height and width"
            )
    return "save a model that takes one image and gives one probability for each class"
