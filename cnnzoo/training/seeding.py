"""Random numbers, and what else would make two trainings of one seed differ."""

from __future__ import annotations

import sys
from types import ModuleType


def fix_seed(keras: ModuleType, seed: int) -> None:
    """Fix Python's, NumPy's and the backend's random numbers, and the order of its sums.

    TensorFlow adds in a fixed order on a CPU anyway, as far as convolutional networks go
    (`scripts/reproducibility`), and is slower where it is made to promise it.
    """
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow" and keras.distribution.list_devices("gpu"):
        sys.modules["tensorflow"].config.experimental.enable_op_determinism()
