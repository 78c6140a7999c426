"""A program that uses a model in plain Keras."""

from __future__ import annotations

from cnnzoo.datasets.images.fit import MODES
from cnnzoo.evaluation.classifier import Classifier
from cnnzoo.runs.run import MODEL

_RESIZE = {
    "stretch": "image.resize({size}, {method})",
    "crop": "ImageOps.fit(image, {size}, {method})",
    "pad": "ImageOps.pad(image, {size}, {method}, color=0)",
}


def snippet(classifier: Classifier) -> str:
    """Return Python that loads `model.keras`, reads `photo.png` and prints the predicted class.

    It needs Keras, NumPy and Pillow, but not cnnzoo, and resizes images like the training data.
    """
    fit = classifier.fit
    height, width, channels = fit.shape
    size, method = f"({width}, {height})", f"Image.Resampling.{fit.interpolation.upper()}"
    resized = _RESIZE[fit.method].format(size=size, method=method)
    names = ", ".join(map(ascii, classifier.class_names))
    binary = classifier.model.output_shape[-1] == 1
    lines = [
        "import keras",
        "import numpy as np",
        f"from PIL import Image{'' if fit.method == 'stretch' else ', ImageOps'}",
        "",
        f"class_names = [{names}]",
        f'model = keras.saving.load_model("{MODEL}", compile=False)',
        f'image = Image.open("photo.png").convert("{MODES[channels]}")',
        f"image = {resized}",
        f"pixels = np.asarray(image).reshape(1, {height}, {width}, {channels})  # 0 to 255",
        "output = model.predict(pixels, verbose=0)[0]",
    ]
    if binary:
        lines.append("probabilities = np.array([1 - output[0], output[0]])  # one sigmoid unit")
    else:
        lines.append("probabilities = output")
    lines.append("best = int(probabilities.argmax())")
    lines.append('print(f"{class_names[best]}: {probabilities[best]:.3f}")')
    return "\n".join(lines) + "\n"
