"""Random numbers, and what else would make two trainings of one seed differ."""

from __future__ import annotations

import sys
from types import ModuleType


def fix_seed(keras: ModuleType, seed: int) -> None:
    """Fix Python's, NumPy's and the backend's random numbers, and the order of its sums."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        # On a CPU this costs no time that could be measured: scripts/benchmarks/speed.md
        sys.modules["tensorflow"].config.experimental.enable_op_determinism()
