"""Linear layers with bias and, where asked, GELU: a plain body, and oneDNN's with prepacked weights for CPUs.

Dimensions: R rows, I inputs, O outputs.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from .placement import Placement

PACKED_FOR_ROWS = 64
"""Rows that oneDNN shall expect; a hint for its choice of blocking, not a limit."""


class LinearBody(Protocol):
    """One way to compute linear layers, with the form of weight that it wants."""

    name: str
    """What the body is called in logs and `/info`."""

    def pack(self, weight: Tensor) -> Tensor:
        """Bring a plain weight, float (O, I), into the form that `apply` wants."""
        ...

    def unpack(self, weight: Tensor) -> Tensor:
        """Undo `pack`, to the bit."""
        ...

    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        """Compute rows @ weight.T + bias, then erf GELU where asked.

        Args:
            rows: float (R, I).
            weight: What `pack` returned.
            bias: float (O,).
            gelu: Whether erf GELU follows.

        Returns:
            float (R, O).
        """
        ...


class PlainLinear:
    """The reference: torch's own operators."""

    name = "plain"

    def pack(self, weight: Tensor) -> Tensor:
        """Return the weight as it is."""
        return weight

    def unpack(self, weight: Tensor) -> Tensor:
        """Return the weight as it is."""
        return weight

    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        """Compute, see `LinearBody`."""
        out = functional.linear(rows, weight, bias)
        return functional.gelu(out) if gelu else out


class OneDnnLinear:
    """oneDNN with weights laid out once for its kernels, GELU computed while the result is still in registers.

    torch sends float32 products to MKL, which takes a slow path on processors of other vendors; oneDNN does not.
    """

    name = "onednn"

    def pack(self, weight: Tensor) -> Tensor:
        """Lay out the weight for oneDNN; an opaque float32 tensor (O, I)."""
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(  # noqa: SLF001 - the operator has no public name
            weight.contiguous(), PACKED_FOR_ROWS
        )
        return packed

    def unpack(self, weight: Tensor) -> Tensor:
        """Return to the plain layout."""
        return weight.to_dense() if weight.is_mkldnn else weight

    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        """Compute, see `LinearBody`."""
        # "none" as the algorithm of "gelu" is the erf form.
        activation = "gelu" if gelu else "none"
        out: Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001 - the operator has no public name
            rows, weight, bias, activation, [], "none"
        )
        return out


def fast_linear(placement: Placement) -> LinearBody:
    """Choose the body that warm-up shall try."""
    if placement.is_cpu and placement.precision == "float32" and torch.backends.mkldnn.is_available():
        return OneDnnLinear()
    return PlainLinear()


class UnpackingLinear:
    """The plain body over weights that another body has packed: slow, for the comparison at warm-up."""

    name = "plain"

    def __init__(self, packer: LinearBody) -> None:
        self._packer = packer
        self._plain = PlainLinear()

    def pack(self, weight: Tensor) -> Tensor:
        """Pack as the other body does."""
        return self._packer.pack(weight)

    def unpack(self, weight: Tensor) -> Tensor:
        """Unpack as the other body does."""
        return self._packer.unpack(weight)

    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        """Compute, see `LinearBody`."""
        return self._plain.apply(rows, self._packer.unpack(weight), bias, gelu=gelu)


class Linear(nn.Module):
    """The weight of one linear layer; how it is computed is said by each call."""

    weight: nn.Parameter
    bias: nn.Parameter

    def __init__(self, inputs: int, outputs: int, *, gelu: bool = False) -> None:
        super().__init__()
        self.gelu = gelu
        self.weight = nn.Parameter(torch.empty(outputs, inputs), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(outputs), requires_grad=False)

    @override
    def forward(self, rows: Tensor, body: LinearBody) -> Tensor:
        """Compute float (R, I) -> float (R, O)."""
        return body.apply(rows, self.weight, self.bias, gelu=self.gelu)

    def repack(self, unpacker: LinearBody, packer: LinearBody) -> None:
        """Bring the weight from the form of one body into that of another."""
        self.weight = nn.Parameter(packer.pack(unpacker.unpack(self.weight.data)), requires_grad=False)
