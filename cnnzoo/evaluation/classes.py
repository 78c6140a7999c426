"""Match the classes of data with those of a model by name, in any order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnnzoo.errors import DataError, did_you_mean
from cnnzoo.text import listed, nfc

_NAMED = 20  # classes that a message names


def labels_by_name(
    labels: NDArray[np.int32], class_names: tuple[str, ...], known: tuple[str, ...], data: str
) -> NDArray[np.int32]:
    """Return labels int32 [n], indices of `class_names`, as indices of the classes of a model.

    The data may lack classes; names compare in Unicode's composed form. Raises DataError, with
    `data` as their name, for a class that the model does not have.
    """
    class_names, known = tuple(map(nfc, class_names)), tuple(map(nfc, known))
    if class_names == known:
        return labels
    for name in class_names:
        if name not in known:
            raise DataError(
                f"{data} has the class {name!r}, and the model does not{did_you_mean(name, known)}",
                hint=f"the model has {listed(known, _NAMED)}; {data} has "
                f"{listed(class_names, _NAMED)}; choose and rename them with data.classes",
            )
    return np.array([known.index(name) for name in class_names], np.int32)[labels]
