"""Networks of keras.applications as layers, and the weights of trained networks of the zoo.

The weights of the former are those of ImageNet, of a file, or random. They are downloaded only when
a model is built to be trained or used. Commands that show or check a configuration measure shapes
with random weights.
"""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from cnnzoo.architecture.applications import IMAGENET
from cnnzoo.architecture.arithmetic import Shape
from cnnzoo.architecture.layers import Architecture, walk
from cnnzoo.architecture.names import is_automatic, namer
from cnnzoo.config.calls import Call
from cnnzoo.config.composites import APPLICATIONS
from cnnzoo.errors import ConfigError, RunError
from cnnzoo.models.backend import load_keras
from cnnzoo.models.names import every_layer
from cnnzoo.models.objects import first_line
from cnnzoo.models.saved import load_model
from cnnzoo.models.weight_files import kept_file, weights_url
from cnnzoo.runs.trained import trained_run

# Keras adds a layer to these networks if it loads ImageNet's weights itself.
_OTHER_WITH_IMAGENET = tuple(f"EfficientNetB{number}" for number in range(8))

_OURS = ("include_top", "name", "trainable", "weights")


def make_application(
    call: Call, shape: Shape, name: str, *, policy: str = "float32", pretrained: bool = True
) -> Any:
    """Return a network without its head, a functional `keras.Model` for images of this shape.

    The names of its layers are the same every time. `policy` is the Keras dtype policy of its
    layers. Without `pretrained`, its weights are random: for callers that overwrite them or need
    only its shape.

    Raises ConfigError if the weights are missing, cannot be downloaded or do not fit.
    """
    keras = load_keras()
    weights = call.arguments.get("weights")
    if pretrained:
        _check_weights(call, shape, downloads=True)
    downloads = weights == IMAGENET and (pretrained or call.name in _OTHER_WITH_IMAGENET)
    arguments = {key: value for key, value in call.arguments.items() if key not in _OURS}
    try:
        # The progress of a download moves the cursor, which the output of a command escapes.
        terminal = redirect_stdout(getattr(sys.stdout, "unescaped", sys.stdout))
        with _policy(keras, policy), warnings.catch_warnings(), terminal:
            # MobileNets warn that they use weights of another image size, which is intended.
            warnings.simplefilter("ignore", UserWarning)
            model = getattr(keras.applications, call.name)(
                include_top=False,
                weights=IMAGENET if downloads else None,
                input_shape=shape,
                **arguments,
            )
    except Exception as error:  # of Keras, of the backend, of the network
        raise ConfigError(
            f"Keras cannot make {call.name}: {first_line(error)}", place=call.place
        ) from error
    model.name = name
    _name_layers(model)
    if pretrained and weights not in (None, IMAGENET):
        _load(model, Path(weights), call)
    model.trainable = call.arguments.get("trainable", True)
    return model


def load_trained(name: str, layers: Sequence[Any]) -> None:
    """Give layers, the first ones of a trained network of the zoo, its weights.

    Raises RunError if its model is missing or damaged.
    """
    run = trained_run(name)
    if run is None:
        raise RunError(f"the trained network {name} is not installed")
    for layer, trained in zip(layers, load_model(run.model_path).layers, strict=False):
        layer.set_weights(trained.get_weights())


def check_weights(architecture: Architecture, *, downloads: bool = True) -> None:
    """Raise ConfigError, within seconds, for weights that are missing and cannot be downloaded.

    Without `downloads`, only files are checked, and the internet is not used.
    """
    for layer in walk(architecture.layers):
        if layer.name in APPLICATIONS:
            call = Call("layers", layer.name, layer.arguments, layer.place)
            _check_weights(call, layer.input_shape, downloads)


def _check_weights(call: Call, shape: Shape, downloads: bool) -> None:
    weights = call.arguments.get("weights")
    if weights is None:
        return
    if weights != IMAGENET:
        _check_file(Path(weights), call)
        return
    kept = kept_file(call.name, call.arguments, shape)
    url = weights_url(call.name, call.arguments, shape)
    if not downloads or kept.is_file():
        return
    from cnnzoo.network import answers

    if not answers(url):
        raise ConfigError(
            f"the ImageNet weights of {call.name} are not in {kept.parent}, and "
            f"{urlsplit(url).hostname} cannot be reached to download them",
            place=call.place,
            hint=f"download {url} on a machine with internet access and save it there as "
            f"{kept.name}; or use weights: FILE for a local file, weights: null for random weights",
        )


def _check_file(path: Path, call: Call) -> None:
    if not path.is_file():
        raise ConfigError(
            f"the weights file {path} does not exist",
            place=call.place,
            hint="a path is relative to the configuration file",
        )
    if call.name in _OTHER_WITH_IMAGENET:
        raise ConfigError(
            f"{call.name} cannot load weights from a file: Keras adds a layer to it for ImageNet",
            place=call.place,
            hint="use weights: imagenet, with the file in Keras' folder, or EfficientNetV2B0; for "
            "weights of your own training use init_from",
        )


def _load(model: Any, path: Path, call: Call) -> None:
    """Load a file in the order of layers, as Keras does; no code in it runs."""
    from cnnzoo.models import hdf5
    from cnnzoo.models.archive import check_members, read_weights

    try:
        if path.suffix == ".keras":
            check_members(path)
            hdf5.check_weights(io.BytesIO(read_weights(path)), path.stat().st_size)
        else:
            hdf5.check_weights_file(path)
        model.load_weights(path)
    except Exception as error:  # h5py and zipfile raise many kinds
        raise ConfigError(
            f"{path} does not hold the weights of {call.name} without its head: "
            f"{first_line(error)}",
            place=call.place,
            hint="Keras' files for it end in notop.h5; for the weights of a whole model, such as a "
            "run, use init_from",
        ) from error


@contextmanager
def _policy(keras: ModuleType, name: str) -> Iterator[None]:
    """Set the global dtype policy, from which Keras' functions take that of their layers."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _name_layers(model: Any) -> None:
    """Number automatic names from the start of the model; Keras numbers them per process."""
    name_of = namer()
    for _, layer in every_layer(model):
        class_name = type(layer).__name__
        if is_automatic(layer.name, class_name):
            layer.name = name_of(class_name)
