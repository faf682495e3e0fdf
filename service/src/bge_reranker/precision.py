"""Precisions: the number formats in which a model can be served, one description each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

PrecisionName = Literal[
    "float32",
    "float16",
    "bfloat16",
    "fp8",
    "int8_weights",
    "int8",
]
"""Names of all precisions, for the types of settings; `PRECISIONS` has their descriptions."""


@dataclass(frozen=True, slots=True)
class Precision:
    """One number format, and what follows from it."""

    name: PrecisionName
    """What settings, `/info` and headers call it."""

    stored_form: str
    """Number format of a tensor in it, as safetensors names it."""

    agreement_bound: float
    """Largest difference of a logit between a fast computation and the plain one that reads the same weights, times
    max(1, |logit| / 10): rounding grows so."""

    published_bound: float
    """Largest difference of a logit from a published one; values published in float16 spread by 0.012 among
    themselves."""

    torch_dtype: str | None = None
    """Name in torch of the format of activations and of weights until a body packs them; None where torch does not
    compute it."""

    openvino_hint: str | None = None
    """OpenVINO's INFERENCE_PRECISION_HINT for what is in floating point; None where OpenVINO does not compute it."""

    openvino_instruction_sets: frozenset[str] = frozenset()
    """Instruction sets without one of which OpenVINO computes it as float32; empty where it needs none."""

    needs_quantised_checkpoint: bool = False
    """Whether only a checkpoint that was quantised to it beforehand can be served in it."""

    cuda_capability: tuple[int, int] | None = None
    """Least compute capability of a GPU that computes it, where nothing else does."""

    needs_packed_network: bool = False
    """Whether only our own networks are computed in it, not what goes through transformers."""

    can_overflow: bool = False
    """Whether finite weights may give logits that are not."""


FLOAT32 = Precision(
    name="float32",
    stored_form="F32",
    agreement_bound=1e-3,
    published_bound=2e-3,
    torch_dtype="float32",
    openvino_hint="f32",
)
FLOAT16 = Precision(
    name="float16",
    stored_form="F16",
    agreement_bound=0.02,
    published_bound=0.02,
    torch_dtype="float16",
    can_overflow=True,
)
BFLOAT16 = Precision(
    name="bfloat16",
    stored_form="BF16",
    agreement_bound=0.1,
    published_bound=0.1,
    torch_dtype="bfloat16",
    openvino_hint="bf16",
    openvino_instruction_sets=frozenset({"avx512_bf16", "amx_bf16"}),
    can_overflow=True,
)
FP8 = Precision(
    name="fp8",
    stored_form="F8_E4M3",
    agreement_bound=0.1,
    published_bound=0.1,
    torch_dtype="bfloat16",
    cuda_capability=(8, 9),
    needs_packed_network=True,
    can_overflow=True,
)
INT8_WEIGHTS = Precision(
    name="int8_weights",
    stored_form="F16",
    agreement_bound=0.05,
    published_bound=0.1,
    torch_dtype="float16",
    needs_packed_network=True,
    can_overflow=True,
)
INT8 = Precision(
    name="int8",
    stored_form="I8",
    agreement_bound=0.1,
    published_bound=0.1,
    openvino_hint="f32",
    needs_quantised_checkpoint=True,
)

PRECISIONS: Mapping[str, Precision] = {
    precision.name: precision
    for precision in (
        FLOAT32,
        FLOAT16,
        BFLOAT16,
        FP8,
        INT8_WEIGHTS,
        INT8,
    )
}
"""All precisions by name."""
