"""Initial weights from a trained model, copied layer by layer: `init_from`.

A layer takes the weights of the layer with the same name; inner layers are matched by their path,
such as `resnet50/conv1_conv`. Names follow from the architecture, so the same architecture has the
same names. The head may differ, for other classes. Another layer with the same name and other
shapes is an error: the architectures number their layers differently, and weights would be copied
to the wrong layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnzoo.errors import ConfigError, Place
from cnnzoo.models.hdf5 import check_weights_file
from cnnzoo.models.names import every_layer
from cnnzoo.models.objects import first_line
from cnnzoo.models.saved import load_model
from cnnzoo.runs.hub import downloaded_model, is_hub_name
from cnnzoo.runs.run import open_run
from cnnzoo.runs.trained import trained_names, trained_run
from cnnzoo.text import listed

_WEIGHTS = ".weights.h5"
_LISTED = 3

Shapes = list[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Report:
    """The layers that took their weights from the source, and those that did not.

    `left` are layers of the new model with the reason, `unused` are layers of the source.
    """

    source: str
    taken: tuple[str, ...]
    left: tuple[tuple[str, str], ...]
    unused: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return the report for `run.json`."""
        left = [{"layer": layer, "why": why} for layer, why in self.left]
        return {
            "source": self.source,
            "taken": len(self.taken),
            "left": left,
            "unused": list(self.unused),
        }

    def lines(self) -> list[str]:
        """Return the report for a person, in a few lines."""
        total = len(self.taken) + len(self.left)
        lines = [f"weights of {len(self.taken)} of {total} layers from {self.source}"]
        lines += [f"  new: {layer}, {why}" for layer, why in self.left[:_LISTED]]
        if len(self.left) > _LISTED:
            lines.append(f"  new: {len(self.left) - _LISTED} more, see init_from in run.json")
        if self.unused:
            lines.append(f"  not used: {listed(self.unused)}")
        return lines


def find_source(source: str, place: Place | None = None) -> Path:
    """Return the file that `init_from` names, for a run or a trained network its model.

    Raises ConfigError or RunError if there is none.
    """
    if is_hub_name(source):
        return downloaded_model(source)
    path = Path(source)
    if path.is_dir():
        return open_run(path).model_path
    if not path.exists() and (trained := trained_run(source)):
        return trained.model_path
    if not path.is_file():
        raise ConfigError(
            f"init_from: {source} does not exist",
            place=place,
            hint="name a run, such as runs/lenet/1, a .keras or .weights.h5 file, or a trained "
            f"network: {', '.join(trained_names())}; a path is relative to the configuration file",
        )
    if not path.name.endswith((".keras", _WEIGHTS)):
        raise ConfigError(
            f"init_from: {source} is neither a run nor a .keras or .weights.h5 file", place=place
        )
    return path


def initialise(model: Any, source: str, place: Place | None = None) -> Report:
    """Give a Keras model the weights of a run or a file, and report them; no code in it runs.

    A `.weights.h5` file has no names of layers, so it must fit the whole model. Raises ConfigError
    if no layer finds its weights or if more than the head differs, RunError if the source is
    damaged.
    """
    path = find_source(source, place)
    if path.name.endswith(_WEIGHTS):
        return _whole(model, path, place)
    here, there = weighted_layers(model), weighted_layers(load_model(path))
    shapes = {name: _shapes(layer) for name, layer in there.items()}
    taken = [name for name, layer in here.items() if shapes.get(name) == _shapes(layer)]
    differ = [name for name in here if name in there and name not in taken]
    heads = {*list(here)[-1:], *list(there)[-1:]}
    if wrong := [name for name in differ if name not in heads]:
        name = wrong[0]
        others = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise ConfigError(
            f"init_from: the layer {name} has {_text(shapes[name])} in {source}, and "
            f"{_text(_shapes(here[name]))} in this model{others}",
            place=place,
            hint="the architectures differ in more than the head; give a layer that should start "
            "with random weights a name that the other model does not have, such as name: my_conv",
        )
    if not taken:
        raise ConfigError(
            f"init_from: no layer of this model has the name and the shapes of one in {source}",
            place=place,
            hint=f"this model: {listed(here)}; the other: {listed(there)}",
        )
    for name in taken:
        here[name].set_weights(there[name].get_weights())
    left = [
        (
            name,
            f"{_text(shapes[name])} there and {_text(_shapes(layer))} here"
            if name in differ
            else "not in the source",
        )
        for name, layer in here.items()
        if name not in taken
    ]
    unused = [name for name in there if name not in here]
    return Report(source, tuple(taken), tuple(left), tuple(unused))


def weighted_layers(model: Any) -> dict[str, Any]:
    """Return every layer that has weights and is not a model of other layers, by its path."""
    return {
        path: layer
        for path, layer in every_layer(model)
        if layer.weights and not hasattr(layer, "layers")
    }


def _whole(model: Any, path: Path, place: Place | None) -> Report:
    try:
        check_weights_file(path)
        model.load_weights(path)
    except Exception as error:  # h5py raises many kinds
        raise ConfigError(
            f"init_from: {path} does not hold the weights of this model: {first_line(error)}",
            place=place,
            hint=f"a {_WEIGHTS} file fits only the architecture that it was saved from; from a "
            ".keras file or a run, single layers are copied",
        ) from error
    return Report(str(path), tuple(weighted_layers(model)), (), ())


def _shapes(layer: Any) -> Shapes:
    return [tuple(weight.shape) for weight in layer.weights]


def _text(shapes: Shapes) -> str:
    return " + ".join("x".join(map(str, shape)) or "1" for shape in shapes)
