"""A Keras model and its nested models as one graph of layers, in order.

Composites and backbones are models inside the model; their layers are called again on the tensors
of the graph. Weights are shared, not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cnnzoo.models.backend import load_keras

Tensors = tuple[Any, ...]  # symbolic, [None, …]


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a layer or operation with its symbolic inputs and outputs."""

    operation: Any
    inputs: Tensors
    outputs: Tensors

    @property
    def kind(self) -> str:
        """The name of the class: `Conv2D`."""
        return type(self.operation).__name__

    @property
    def output(self) -> Any:
        """The first output."""
        return self.outputs[0]


@dataclass(frozen=True, slots=True)
class Graph:
    """The input of a model, and its steps in topological order."""

    image: Any
    steps: tuple[Step, ...]


def trace(model: Any) -> Graph:
    """Return the graph of a Sequential or functional model and of the models in it."""
    keras = load_keras()
    image = keras.Input(model.input_shape[1:])
    tracer = _Tracer()
    tracer.call(model, image)
    return Graph(image, tuple(tracer.steps))


def cuts(graph: Graph) -> Iterator[Step]:
    """Yield the steps that no branch bypasses.

    The sum of a residual connection is one of them, the layers inside the connection are not.
    """
    last_use = {
        id(tensor): place for place, step in enumerate(graph.steps) for tensor in step.inputs
    }
    furthest = last_use.get(id(graph.image), 0)  # the last use of an earlier output
    for place, step in enumerate(graph.steps):
        if furthest <= place:
            yield step
        furthest = max(furthest, *(last_use.get(id(tensor), 0) for tensor in step.outputs))


@dataclass
class _Tracer:
    steps: list[Step] = field(default_factory=list)

    def call(self, operation: Any, *arguments: Any, **options: Any) -> Any:
        keras = load_keras()
        if isinstance(operation, keras.Sequential):
            (tensor,) = arguments
            for layer in operation.layers:
                tensor = self.call(layer, tensor)
            return tensor
        if isinstance(operation, keras.Function):
            # keras.models.clone_model uses it; there is no public function.
            return operation._run_through_graph(arguments, self._caller)
        outputs = operation(*arguments, **options)
        inputs = _tensors((arguments, options))
        self.steps.append(Step(operation, inputs, _tensors(outputs)))
        return outputs

    def _caller(self, operation: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            return self.call(operation, *arguments, **options)

        return call


def _tensors(structure: Any) -> Tensors:
    keras = load_keras()
    leaves = keras.tree.flatten(structure)
    return tuple(leaf for leaf in leaves if isinstance(leaf, keras.KerasTensor))
