"""Paths and URLs of the files of ImageNet's weights, for networks without their head.

They are those in the modules of keras.applications (Keras 3.15); a test compares one name of each
form with Keras.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cnnzoo.architecture.arguments import Arguments
from cnnzoo.architecture.arithmetic import Shape

_ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications"
_EFFICIENTNET = "https://storage.googleapis.com/keras-applications"
_NO_TOP = "weights_tf_dim_ordering_tf_kernels_notop.h5"

_DENSENETS = ("DenseNet121", "DenseNet169", "DenseNet201")
_RESNETS = ("ResNet50", "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2")

# Paths below _ADDRESS, with fields for values that depend on the arguments.
_URLS = {
    **{f"ConvNeXt{size}": f"convnext/convnext_{size.lower()}_notop.h5"
       for size in ("Tiny", "Small", "Base", "Large", "XLarge")},
    **{name: f"densenet/{name.lower()}_{_NO_TOP}" for name in _DENSENETS},
    **{f"EfficientNetV2{size}": f"efficientnet_v2/efficientnetv2-{size.lower()}_notop.h5"
       for size in ("B0", "B1", "B2", "B3", "S", "M", "L")},
    "InceptionResNetV2": f"inception_resnet_v2/inception_resnet_v2_{_NO_TOP}",
    "InceptionV3": f"inception_v3/inception_v3_{_NO_TOP}",
    "MobileNet": "mobilenet/mobilenet_{tenths}_{size}_tf_no_top.h5",
    "MobileNetV2": "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_{size}"
    "_no_top.h5",
    "MobileNetV3Large": "mobilenet_v3/weights_mobilenet_v3_large{minimalistic}_224_{alpha}_float"
    "_no_top_v2.h5",
    "MobileNetV3Small": "mobilenet_v3/weights_mobilenet_v3_small{minimalistic}_224_{alpha}_float"
    "_no_top_v2.h5",
    "NASNetLarge": "nasnet/NASNet-large-no-top.h5",
    "NASNetMobile": "nasnet/NASNet-mobile-no-top.h5",
    **{name: f"resnet/{name.lower()}_{_NO_TOP}" for name in _RESNETS},
    "VGG16": f"vgg16/vgg16_{_NO_TOP}",
    "VGG19": f"vgg19/vgg19_{_NO_TOP}",
    "Xception": f"xception/xception_{_NO_TOP}",
}  # fmt: skip

# Files that have another name in Keras' folder.
_KEPT_AS = {
    "NASNetLarge": "nasnet_large_no_top.h5",
    "NASNetMobile": "nasnet_mobile_no_top.h5",
}

# Sizes of square images that have their own weights; all others use those of 224.
_SIZES = {"MobileNet": (128, 160, 192), "MobileNetV2": (96, 128, 160, 192)}


def weights_url(name: str, arguments: Arguments, shape: Shape) -> str:
    """Return the URL of ImageNet's weights for images of this shape."""
    if name.startswith("EfficientNetB"):
        return f"{_EFFICIENTNET}/{name.lower()}_notop.h5"
    alpha = float(arguments.get("alpha", 1.0))
    height, width, _ = shape
    return f"{_ADDRESS}/" + _URLS[name].format(
        alpha=alpha,
        tenths={1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}.get(alpha),
        size=height if height == width and height in _SIZES.get(name, ()) else 224,
        minimalistic="_minimalistic" if arguments.get("minimalistic") else "",
    )


def kept_file(name: str, arguments: Arguments, shape: Shape) -> Path:
    """Return the path at which Keras keeps downloaded ImageNet weights."""
    url = weights_url(name, arguments, shape)
    return _keras_folder() / "models" / _KEPT_AS.get(name, url.rpartition("/")[2])


def _keras_folder() -> Path:
    """Return Keras' folder: `KERAS_HOME`, ~/.keras, or a temporary one if that is read-only."""
    folder = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    if os.access(folder if folder.exists() else folder.parent, os.W_OK):
        return folder
    return Path(tempfile.gettempdir()) / ".keras"
