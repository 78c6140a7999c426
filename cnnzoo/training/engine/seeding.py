"""Seeds and settings that make two trainings with the same seed equal."""

from __future__ import annotations

import sys
from types import ModuleType


def fix_seed(keras: ModuleType, seed: int) -> None:
    """Seed Python's, NumPy's and the backend's random numbers, and make its sums deterministic."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        # Has no measurable cost on a CPU: scripts/benchmarks/speed.md
        sys.modules["tensorflow"].config.experimental.enable_op_determinism()
