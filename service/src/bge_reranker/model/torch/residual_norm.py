"""The sum of a product and the residual stream, then the norm: a plain body, and one compiled into a single pass.

The bias of a product needs no such body: cuBLASLt adds it while the result is still in registers, and GELU then is one
pass over memory either way.

Dimensions: R rows, H hidden.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional

from .compiling import can_compile, compiled
from .placement import Placement


class ResidualNorm(Protocol):
    """One way to compute norm(rows + residual)."""

    name: str
    """What the body is called in logs and `/info`."""

    def __call__(self, rows: Tensor, residual: Tensor, norm: nn.Module) -> Tensor:
        """Add and normalise.

        Args:
            rows: float (R, H).
            residual: float (R, H).
            norm: The family's norm over H.

        Returns:
            float (R, H).
        """
        ...


class PlainResidualNorm:
    """torch's own operators, one after the other."""

    name = "plain"

    def __call__(self, rows: Tensor, residual: Tensor, norm: nn.Module) -> Tensor:
        """Compute, see `ResidualNorm`."""
        normalised: Tensor = norm(rows + residual)
        return normalised


class CompiledResidualNorm:
    """For GPUs: one kernel for both, made by torch.compile at warm-up.

    Args:
        backend: torch.compile's.
    """

    name = "compiled"

    def __init__(self, backend: str = "inductor") -> None:
        self._plain = PlainResidualNorm()
        self._compiled = compiled(residual_layer_norm, backend)

    def __call__(self, rows: Tensor, residual: Tensor, norm: nn.Module) -> Tensor:
        """Compute, see `ResidualNorm`; another norm than LayerNorm by its own operators."""
        if not isinstance(norm, nn.LayerNorm):
            return self._plain(rows, residual, norm)
        # Parameters go in as tensors: a module would be compiled anew for every layer.
        return self._compiled(rows, residual, norm.weight, norm.bias, norm.eps)


def residual_layer_norm(rows: Tensor, residual: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """LayerNorm of a sum: float (R, H), float (R, H), float (H,), float (H,) -> float (R, H)."""
    return functional.layer_norm(rows + residual, weight.shape, weight, bias, eps)


def fast_residual_norm(placement: Placement) -> ResidualNorm:
    """Choose the body that warm-up shall try."""
    return CompiledResidualNorm() if not placement.is_cpu and can_compile() else PlainResidualNorm()
