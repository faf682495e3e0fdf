"""Linear layers over weights of 8 bits with a scale for each output, as numbers with an exponent (fp8) or without.

Weights of shapes that a kernel does not take stay plain, each by itself.

Dimensions: R rows, I inputs, O outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from ...precision import FP8, INT8_WEIGHTS
from .compiling import can_compile, compiled
from .linear import LinearBody, PlainLinear, UnpackingLinear

_FP8 = torch.float8_e4m3fn
_LARGEST_FP8 = torch.finfo(_FP8).max
_LARGEST_INT8 = 127
_LEAST_SCALE = 1e-12
"""Scale of a row of zeros, so that nothing is divided by 0."""

_KERNEL_MULTIPLE = 16
"""The fp8 kernels take inputs and outputs in multiples of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Rounded:
    """A matrix in 8 bits."""

    values: Tensor
    """float8 or int8 (rows, columns)."""

    scale: Tensor
    """float32 (rows, 1): what each row is multiplied by."""

    dtype: torch.dtype
    """Number format of what was rounded."""

    def floats(self) -> Tensor:
        """What the 8 bits keep: float (rows, columns)."""
        return (self.values.float() * self.scale).to(self.dtype)


def round_to_fp8(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row to numbers of 4 bits of exponent and 3 of mantissa.

    Source: float8_e4m3fn of the OCP 8-bit floating point specification; scales by row, as `scaled_mm` takes them.

    Args:
        matrix: float (R, I).

    Returns:
        float8 (R, I), and float32 (R, 1) by which it is multiplied.
    """
    exact = matrix.float()
    scale = (exact.abs().amax(dim=1, keepdim=True) / _LARGEST_FP8).clamp(min=_LEAST_SCALE)
    # Beyond the largest number there is NaN, and the quotient may lie above it by a rounding.
    return (exact / scale).clamp(-_LARGEST_FP8, _LARGEST_FP8).to(_FP8), scale


class Fp8Linear:
    """fp8 weights and inputs, both with a scale for each row; products summed in float32 on the GPU's fp8 units.

    Args:
        round_rows: `round_to_fp8`, or a compiled form of it.
    """

    name = "fp8"
    is_lossy = True

    def __init__(self, round_rows: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None) -> None:
        self._round_rows = round_rows or round_to_fp8

    def pack(self, weight: Tensor) -> Rounded | Tensor:
        """Round a weight whose shape the kernel takes."""
        if any(size % _KERNEL_MULTIPLE for size in weight.shape):
            return weight
        return Rounded(*round_to_fp8(weight), weight.dtype)

    def unpack(self, weight: Rounded | Tensor) -> Tensor:
        """Return the rounded weight."""
        return weight.floats() if isinstance(weight, Rounded) else weight

    def reference(self) -> LinearBody[Rounded | Tensor]:
        """Return the plain body that rounds inputs as this one does."""
        return Fp8Reference(self)

    def apply(self, rows: Tensor, weight: Rounded | Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        """Compute, see `LinearBody`."""
        if isinstance(weight, Tensor):
            return PlainLinear().apply(rows, weight, bias, gelu=gelu)
        values, scale = self._round_rows(rows)
        by_row = functional.ScalingType.RowWise
        out = functional.scaled_mm(
            values,
            weight.values.t(),
            scale,
            by_row,
            weight.scale.t(),
            by_row,
            bias=bias,
            output_dtype=torch.bfloat16,
            use_fast_accum=True,
        )
        return functional.gelu(out) if gelu else out


class Fp8Reference(UnpackingLinear["Rounded | Tensor"]):
    """The same numbers multiplied in floating point: runs anywhere, slowly."""

    @override
    def apply(self, rows: Tensor, weight: Rounded | Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        """Compute, see `LinearBody`."""
        if isinstance(weight, Rounded):
            values, scale = round_to_fp8(rows)
            rows = (values.float() * scale).to(rows.dtype)
        return super().apply(rows, weight, bias, gelu=gelu)


class Int8WeightLinear:
    """Weights in 8 bits, widened for each product: half of the memory, not faster."""

    name = "int8_weights"
    is_lossy = True

    def pack(self, weight: Tensor) -> Rounded:
        """Round a weight."""
        exact = weight.float()
        scale = (exact.abs().amax(dim=1, keepdim=True) / _LARGEST_INT8).clamp(min=_LEAST_SCALE)
        return Rounded((exact / scale).round().to(torch.int8), scale, weight.dtype)

    def unpack(self, weight: Rounded) -> Tensor:
        """Return the rounded weight."""
        return weight.floats()

    def reference(self) -> LinearBody[Rounded]:
        """Return the plain body over the rounded weight."""
        return UnpackingLinear(self)

    def apply(self, rows: Tensor, weight: Rounded, bias: Tensor, *, gelu: bool) -> Tensor:
        """Compute, see `LinearBody`."""
        # All integers of 8 bits are exact in 16-bit formats, so nothing is rounded twice before the sum.
        out = functional.linear(rows, weight.values.to(rows.dtype)) * weight.scale.t().to(rows.dtype) + bias
        return functional.gelu(out) if gelu else out


def fast_fp8() -> Fp8Linear:
    """Make the body that warm-up shall try: rounding inputs is five passes over memory, or one where it is compiled."""
    return Fp8Linear(compiled(round_to_fp8, "inductor") if can_compile() else None)


ROUNDING_BODIES: Mapping[str, Callable[[], LinearBody[Any]]] = {
    FP8.name: fast_fp8,
    INT8_WEIGHTS.name: Int8WeightLinear,
}
"""The bodies of precisions that round weights, by precision."""
