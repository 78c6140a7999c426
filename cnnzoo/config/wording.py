"""Hints in messages: the name that was probably meant, and how to continue."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cnnzoo.config import catalogue
from cnnzoo.config.calls import shown
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.config.composites import OWN
from cnnzoo.config.expressions import is_expression
from cnnzoo.config.reader import read_scalar
from cnnzoo.errors import nearest
from cnnzoo.text import counted, listed

_FEW = 30  # at most this many names are listed
_OLD_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}

KINDS = {
    "layers": "a layer",
    "optimizers": "an optimizer",
    "schedules": "a learning-rate schedule",
    "losses": "a loss",
    "metrics": "a metric",
    "callbacks": "a callback",
    "initializers": "an initializer",
    "regularizers": "a regularizer",
    "constraints": "a constraint",
    "activations": "an activation",
}

# Names of other frameworks and textbooks, in lower case → the name in Keras.
_OTHER_WORDS = {
    "linear": "Dense",
    "fc": "Dense",
    "fullyconnected": "Dense",
    "fully_connected": "Dense",
    "dropout2d": "SpatialDropout2D",
    "conv": "Conv2D",
    "pool": "MaxPooling2D",
    "globalpooling": "GlobalAveragePooling2D",
    "adaptiveavgpool2d": "AdaptiveAveragePooling2D",
    "adaptivemaxpool2d": "AdaptiveMaxPooling2D",
    "avgpool": "AveragePooling2D",
    "avg_pool": "AveragePooling2D",
    "avg_pool2d": "AveragePooling2D",
    "average_pooling2d": "AveragePooling2D",
    "max_pool": "MaxPooling2D",
    "max_pool2d": "MaxPooling2D",
    "max_pooling2d": "MaxPooling2D",
    "maxpool": "MaxPooling2D",
    "gap": "GlobalAveragePooling2D",
    "global_avg_pool": "GlobalAveragePooling2D",
    "globalavgpool": "GlobalAveragePooling2D",
    "batchnorm": "BatchNormalization",
    "batch_norm": "BatchNormalization",
    "batch_normalization": "BatchNormalization",
    "batchnorm1d": "BatchNormalization",
    "batchnorm2d": "BatchNormalization",
    "bn": "BatchNormalization",
    "syncbatchnorm": "BatchNormalization",
    "layernorm": "LayerNormalization",
    "layernorm2d": "LayerNormalization",
    "layer_norm": "LayerNormalization",
    "groupnorm": "GroupNormalization",
    "instancenorm2d": "GroupNormalization",
    "rmsnorm": "RMSNormalization",
    "convtranspose2d": "Conv2DTranspose",
    "conv2d_transpose": "Conv2DTranspose",
    "deconv2d": "Conv2DTranspose",
    "deconvolution": "Conv2DTranspose",
    "depthwise_conv2d": "DepthwiseConv2D",
    "dwconv": "DepthwiseConv2D",
    "separable_conv2d": "SeparableConv2D",
    "fully_connected_layer": "Dense",
    "upsample": "UpSampling2D",
    "upsamplingnearest2d": "UpSampling2D",
    "zeropad2d": "ZeroPadding2D",
    "constantpad2d": "ZeroPadding2D",
    "pad": "ZeroPadding2D",
    "spatial_dropout": "SpatialDropout2D",
    "alphadropout": "AlphaDropout",
    "multiheadattention": "MultiHeadAttention",
    "selfattention": "MultiHeadAttention",
    "self_attention": "MultiHeadAttention",
    "mha": "MultiHeadAttention",
    "channelshuffle": "ShuffleChannels",
    "channel_shuffle": "ShuffleChannels",
    "shuffle": "ShuffleChannels",
    "split": "SplitChannels",
    "chunk": "SplitChannels",
    "slice": "SliceChannels",
    "concat": "Branches",
    "view": "Reshape",
    "transpose": "Permute",
    "interpolate": "Resizing",
    "merge": "Branches",
    "num_filters": "filters",
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "atrous_rate": "dilation_rate",
    "init": "kernel_initializer",
    "w_regularizer": "kernel_regularizer",
    "w_constraint": "kernel_constraint",
    "output_dim": "units",
    "stride": "strides",
    "dilation": "dilation_rate",
    "kernel": "kernel_size",
    "bias": "use_bias",
    "drop_rate": "rate",
    "num_heads_": "num_heads",
    "embed_dim": "key_dim",
    "f1": "F1Score",
    "auroc": "AUC",
    "skip": "Residual",
    "inception": "Branches",
    "parallel": "Branches",
    "out_channels": "filters",
    "features": "units",
    "out_features": "units",
    "neurons": "units",
    "p": "rate",
    "alpha": "negative_slope",
    "lr": "learning_rate",
    "max_lr": "learning_rate",
    "pct_start": "warmup",
    "onecyclelr": "one_cycle",
    "onecycle": "one_cycle",
    "cosine": "CosineDecay",
    "cosineannealinglr": "CosineDecay",
    "label_smooth": "label_smoothing",
    "cross_entropy": "SparseCategoricalCrossentropy",
    "crossentropy": "SparseCategoricalCrossentropy",
    "crossentropyloss": "SparseCategoricalCrossentropy",
    "nllloss": "SparseCategoricalCrossentropy",
    "bceloss": "BinaryCrossentropy",
    "bcewithlogitsloss": "BinaryCrossentropy",
    "mseloss": "MeanSquaredError",
    "exponentiallr": "ExponentialDecay",
    "multisteplr": "PiecewiseConstantDecay",
    "polynomiallr": "PolynomialDecay",
    "cosineannealingwarmrestarts": "CosineDecayRestarts",
    "adamoptimizer": "Adam",
    "gradientdescentoptimizer": "SGD",
    "momentumoptimizer": "SGD",
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
    "xavier": "glorot_uniform",
    "xavier_uniform": "glorot_uniform",
    "xavier_normal": "glorot_normal",
}

_INPUT = "the shape of the input is written once, as model.input_shape"

# Layers that Keras does not have but that can be built from others, in lower case → hint.
_WRITTEN = {
    **dict.fromkeys(
        ("stochasticdepth", "droppath", "dropconnect"),
        "write Dropout: {rate: 0.1, noise_shape: [null, 1, 1, 1]} as the last layer of a Residual",
    ),
    **dict.fromkeys(
        ("squeezeexcite", "squeezeexcitation", "squeezeandexcitation", "seblock", "selayer", "se"),
        "write Branches: {merge: multiply, branches: [[], […]]}; configs/README.md has the block",
    ),
    **dict.fromkeys(
        ("layerscale", "scale"),
        "write DepthwiseConv2D: {kernel_size: 1, use_bias: false}: a learned factor per channel",
    ),
    **dict.fromkeys(
        ("positionembedding", "posembed", "classtoken", "clstoken"),
        "write EinsumDense with bias_axes, as configs/vit_tiny.yaml does",
    ),
    **dict.fromkeys(
        ("top5", "top5accuracy"), "write SparseTopKCategoricalAccuracy: {k: 5, name: top5}"
    ),
    **dict.fromkeys(
        ("skip_connection", "skipconnection", "shortcut"), "write Residual: {layers: […]}"
    ),
    "input": _INPUT,
    "sequential": "write its layers in the list itself, or as a block in model.blocks",
    "steplr": "write ExponentialDecay: {initial_learning_rate: 0.1, decay_rate: 0.1, staircase: "
    'true, decay_steps: "${30 * steps_per_epoch}"} as learning_rate of the optimizer',
}

# Layers of other frameworks that Keras lacks and cannot build, in lower case.
_ABSENT = {
    **dict.fromkeys(
        ("lrn", "localresponsenorm", "localresponsenormalization"),
        "Keras has no layer for local response normalisation; use BatchNormalization",
    ),
    **dict.fromkeys(
        ("rbf", "rbflayer", "radialbasisfunction"),
        "Keras has no layer for radial basis functions; use Dense with softmax",
    ),
    **dict.fromkeys(
        ("reflectionpad2d", "replicationpad2d"),
        "Keras has no layer that pads with pixels of the image; use ZeroPadding2D",
    ),
}

_ONE_CHAIN = (
    "a network is one chain of layers; paths next to each other are written with Residual and "
    "Branches"
)

# Arguments of layers in Python that are written elsewhere in a configuration.
_ELSEWHERE = {
    **dict.fromkeys(("from", "input", "inputs", "bottom", "bottoms", "inbound_nodes"), _ONE_CHAIN),
    "input_shape": _INPUT,
    "input_dim": _INPUT,
    **dict.fromkeys(
        ("in_channels", "in_features", "num_features", "input_channels"),
        "omit it; it follows from the layer before",
    ),
    "betas": "write beta_1: … and beta_2: …",
}


# 0,1 and 1,50, but not 1,000, which is a thousand.
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,(?!\d{3}$)\d+|[-+]?0*,\d+")


def form_hint(value: Any, holds: Callable[[Any], bool]) -> str | None:
    """Return how to write a value whose form is wrong; None if another value is needed.

    It may be a fraction, in quotes, with digit separators, a decimal comma or a percent sign, a
    Python tuple, or yes or no of YAML 1.1.
    """
    if isinstance(value, float) and math.isfinite(value) and holds(int(value)):
        return "it must be whole; arithmetic gives a whole number with // or round"
    if not isinstance(value, str):
        return None
    if value.startswith("("):
        return "a list has square brackets"
    if value.lower() in _OLD_BOOLEANS and holds(True):
        return f"write {_OLD_BOOLEANS[value.lower()]}: only true and false are booleans"
    meant = read_scalar(value)
    if not isinstance(meant, str) and value and holds(meant):
        return f"write {value} without quotes"
    if _DECIMAL_COMMA.fullmatch(value):
        pointed = value.replace(",", ".")
        return f"write {pointed}, with a point" if holds(read_scalar(pointed)) else None
    separated = value.replace("_", "").replace(",", "")
    if separated != value and holds(read_scalar(separated)):
        return f"write {separated}, without separators"
    percent = read_scalar(value[:-1]) if value.endswith("%") else None
    if isinstance(percent, int | float) and holds(percent / 100):
        return f"write {percent / 100:g}"
    return None


def whose(owner: str) -> str:
    """Return the possessive form of a name: `Dense's`, `Branches'`."""
    return f"{owner}'" if owner.endswith("s") else f"{owner}'s"


def form_of_name(name: str) -> str | None:
    """Return how to continue if a value was written as part of an argument's name."""
    if name.endswith(")"):
        return "a list has square brackets"
    if name[:1].isdigit():
        return "write decimals with a point: 0.001"
    if ":" in name:
        return f"write a space after the colon: {listed([name.replace(':', ': ', 1)])}"
    return _ELSEWHERE.get(name)


def near_word(name: Any, known: Iterable[str]) -> str | None:
    """Return the known name that is meant: that of another library's word, or the most similar.

    Conv2D is preferred to Conv1D and Conv3D, because the inputs are images.
    """
    names: dict[str, str] = {}
    for each in known:
        names.setdefault(each.lower(), each)
    word = str(name).lower()
    other = _OTHER_WORDS.get(word)
    if other and other.lower() in names:
        return other
    near = nearest(word, names.values())
    if near and near[-2:] in ("1D", "3D") and near[-2] not in word:
        return names.get(f"{near[:-2]}2D".lower(), near)
    return near


def nearest_activation(name: str) -> str | None:
    """Return the activation of a name, whatever its case and underscores: hard_swish.

    None for the name of a layer in another framework, such as Linear.
    """
    if name.lower() in _OTHER_WORDS:
        return None
    words = [*catalogue.names("activations"), *catalogue.aliases("activations")]
    spelled = {word.replace("_", ""): word for word in words}
    return spelled.get(name.lower().replace("_", ""))


def did_you_mean_word(name: Any, known: Iterable[str]) -> str:
    """Return `"; did you mean 'Dense'?"` if `near_word` finds a name, else an empty string."""
    near = near_word(name, known)
    return f"; did you mean {near!r}?" if near else ""


def absent(name: str) -> str:
    """Return what to write instead of a layer that Keras lacks; empty if there is nothing."""
    word = name.lower().replace("_", "").rpartition(".")[2]
    return _WRITTEN.get(word) or _ABSENT.get(word, "")


def elsewhere(name: str) -> str:
    """Return the kind of a name that exists in another namespace, else an empty string."""
    found = [kind for kind in catalogue.namespaces() if catalogue.entry(kind, name)]
    return f"{name} is {KINDS[found[0]]}" if found else ""


def available_names(namespace: str) -> str:
    """Return the names in a namespace, or the page with their list if they are too many."""
    names = [*catalogue.names(namespace), *OWN.get(namespace, ())]
    if len(names) > _FEW:
        return f"see https://keras.io/api/{namespace} for the names"
    return f"available: {', '.join(names)}"


def example(entry: Entry) -> str:
    """Return the notation of a class with its required arguments."""
    required = [argument.name for argument in entry.arguments.values() if argument.required]
    return f"{entry.name}: {{{', '.join(f'{name}: …' for name in required)}}}"


def positional_problem(entry: Entry, written: Sequence[Any]) -> tuple[str, str | None] | None:
    """Return why a list cannot be the arguments of a class, and a hint; None if it can."""
    arguments = list(entry.arguments.values())
    if not arguments:
        return f"{entry.name} takes no arguments; got {shown(written)}", None
    each = len(written) <= len(arguments) and all(
        _may_be(argument, value) for argument, value in zip(arguments, written, strict=False)
    )
    if each:
        return None
    if _may_be(arguments[0], written):
        items = ", ".join("…" if isinstance(item, dict) else str(item) for item in written)
        return (
            f"a list contains the arguments of {entry.name} by position",
            f"write {entry.name}: {{{arguments[0].name}: [{items}]}}",
        )
    if len(written) > len(arguments):
        names = ", ".join(argument.name for argument in arguments)
        return (
            f"{entry.name} takes {counted(len(arguments), 'argument')} at most",
            f"its arguments: {names}",
        )
    return None


def _may_be(argument: Argument, value: Any) -> bool:
    """Return whether a value has the form of an argument, without evaluating expressions."""
    if argument.type == "layer_list":
        return isinstance(value, list | tuple) and not any(isinstance(v, list) for v in value)
    if argument.type == "layer_lists":
        return isinstance(value, list | tuple) and all(isinstance(v, list) for v in value)
    if is_expression(value):
        return True
    if isinstance(value, list | tuple) and any(map(is_expression, value)):
        return "list" in (catalogue.mismatch(argument, {}) or "")
    return catalogue.mismatch(argument, value) is None
