"""In which precision a training computes: float32, or half precision where it is faster."""

from __future__ import annotations

from dataclasses import dataclass

from cnnzoo.training.hardware import UNKNOWN, Hardware

FLOAT32, MIXED_BFLOAT16, MIXED_FLOAT16 = "float32", "mixed_bfloat16", "mixed_float16"

BFLOAT16_GPU = (8, 0)  # the compute capability from which tensor cores take bfloat16: Ampere
_BFLOAT16_CPU = ("amx_bf16", "avx512_bf16")


@dataclass(frozen=True, slots=True)
class Precision:
    """The name of a Keras dtype policy, and in half a sentence why it is this one."""

    policy: str
    reason: str

    def __str__(self) -> str:
        return f"precision: {self.policy}, {self.reason}"


def choose_precision(wanted: str, hardware: Hardware) -> Precision:
    """The precision that `training.precision` asks for.

    `auto` is mixed_bfloat16 where the hardware has native bfloat16 arithmetic and the backend is
    known to use it, else float32. Mixed precision (Micikevicius et al., 2018) computes in half
    precision and keeps the weights in float32; bfloat16, which has the range of float32, needs no
    scaling of the loss (Kalamkar et al., 2019).
    """
    if wanted != "auto":
        return Precision(wanted, "as the configuration says")
    if hardware.gpu == UNKNOWN:
        return Precision(FLOAT32, "because nothing says what this GPU computes natively")
    if hardware.gpu:
        name = f"compute capability {'.'.join(map(str, hardware.gpu))}"
        if hardware.gpu >= BFLOAT16_GPU:
            return Precision(MIXED_BFLOAT16, f"which this GPU computes natively ({name})")
        return Precision(FLOAT32, f"because this GPU has no bfloat16 arithmetic ({name})")
    if hardware.backend != "tensorflow":
        return Precision(FLOAT32, f"because {hardware.backend} takes bfloat16 on GPUs only")
    flag = next((flag for flag in _BFLOAT16_CPU if flag in hardware.cpu_flags), None)
    if flag:
        return Precision(MIXED_BFLOAT16, f"which this CPU computes natively ({flag})")
    return Precision(FLOAT32, "because this CPU has no bfloat16 arithmetic")
