"""Linear layers with bias and, where asked, GELU: a plain body, and oneDNN's with prepacked weights for CPUs.

Dimensions: R rows, I inputs, O outputs.
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from ...precision import FLOAT32
from .placement import Placement

PACKED_FOR_ROWS = 64
"""Rows that oneDNN shall expect; a hint for its choice of blocking, not a limit."""


Weight = TypeVar("Weight")
"""What a body packs a weight into: a tensor, or several such as numbers in 8 bits and their scales."""


class LinearBody(Protocol[Weight]):
    """One way to compute linear layers, with the form of weight that it wants."""

    name: str
    """What the body is called in logs and `/info`."""

    is_lossy: bool
    """Whether packing rounds the weight. Such a body computes the encoder only; the head stays in floating point."""

    def pack(self, weight: Tensor) -> Weight:
        """Bring a plain weight, float (O, I), into the form that `apply` wants."""
        ...

    def unpack(self, weight: Weight) -> Tensor:
        """Undo `pack`: to the bit, or where it is lossy to the rounded weight."""
        ...

    def reference(self) -> LinearBody[Weight]:
        """The plain body that computes the same from the same packed weights, rounding as this one does."""
        ...

    def apply(self, rows: Tensor, weight: Weight, bias: Tensor, *, gelu: bool) -> Tensor:
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
    """torch's own operators."""

    name = "plain"
    is_lossy = False

    def pack(self, weight: Tensor) -> Tensor:
        """Return the weight as it is."""
        return weight

    def unpack(self, weight: Tensor) -> Tensor:
        """Return the weight as it is."""
        return weight

    def reference(self) -> LinearBody[Tensor]:
        """Return the plain body, whatever a subclass computes."""
        return UnpackingLinear(self)

    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        """Compute, see `LinearBody`."""
        out = functional.linear(rows, weight, bias)
        return functional.gelu(out) if gelu else out


class OneDnnLinear:
    """oneDNN with weights laid out once for its kernels, GELU computed while the result is still in registers.

    torch sends float32 products to MKL, which takes a slow path on processors of other vendors; oneDNN does not.
    """

    name = "onednn"
    is_lossy = False

    def pack(self, weight: Tensor) -> Tensor:
        """Lay out the weight for oneDNN; an opaque float32 tensor (O, I)."""
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(  # noqa: SLF001 - the operator has no public name
            weight.contiguous(), PACKED_FOR_ROWS
        )
        return packed

    def unpack(self, weight: Tensor) -> Tensor:
        """Return to the plain layout."""
        return weight.to_dense() if weight.is_mkldnn else weight

    def reference(self) -> LinearBody[Tensor]:
        """Return the plain body over weights in oneDNN's layout."""
        return UnpackingLinear(self)

    def apply(self, rows: Tensor, weight: Tensor, bias: Tensor, *, gelu: bool) -> Tensor:
        """Compute, see `LinearBody`."""
        # "none" as the algorithm of "gelu" is the erf form.
        activation = "gelu" if gelu else "none"
        out: Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001 - the operator has no public name
            rows, weight, bias, activation, [], "none"
        )
        return out


def fast_linear(placement: Placement) -> LinearBody[Any]:
    """Choose the body that warm-up shall try."""
    if placement.is_cpu and placement.precision is FLOAT32 and torch.backends.mkldnn.is_available():
        return OneDnnLinear()
    return PlainLinear()


class UnpackingLinear(Generic[Weight]):
    """The plain body over weights that another body has packed: slow, for the comparison at warm-up."""

    name = "plain"

    def __init__(self, packer: LinearBody[Weight]) -> None:
        self.is_lossy = packer.is_lossy
        self._packer = packer
        self._plain = PlainLinear()

    def pack(self, weight: Tensor) -> Weight:
        """Pack as the other body does."""
        return self._packer.pack(weight)

    def unpack(self, weight: Weight) -> Tensor:
        """Unpack as the other body does."""
        return self._packer.unpack(weight)

    def reference(self) -> LinearBody[Weight]:
        """Return this body."""
        return self

    def apply(self, rows: Tensor, weight: Weight, bias: Tensor, *, gelu: bool) -> Tensor:
        """Compute, see `LinearBody`."""
        return self._plain.apply(rows, self._packer.unpack(weight), bias, gelu=gelu)


class Linear(nn.Module):
    """The weight of one linear layer; how it is computed is said by each call."""

    weight: Any
    """The plain weight, a parameter, or what a body has packed it into."""

    bias: nn.Parameter

    def __init__(self, inputs: int, outputs: int, *, gelu: bool = False) -> None:
        super().__init__()
        self.gelu = gelu
        self.weight = nn.Parameter(torch.empty(outputs, inputs), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(outputs), requires_grad=False)

    @override
    def forward(self, rows: Tensor, body: LinearBody[Any]) -> Tensor:
        """Compute float (R, I) -> float (R, O)."""
        return body.apply(rows, self.weight, self.bias, gelu=self.gelu)

    def repack(self, unpacker: LinearBody[Any], packer: LinearBody[Any]) -> None:
        """Bring the weight from the form of one body into that of another."""
        held = self.weight.data if isinstance(self.weight, nn.Parameter) else self.weight
        packed = packer.pack(unpacker.unpack(held))
        # The place of a parameter takes nothing else.
        del self.weight
        self.weight = nn.Parameter(packed, requires_grad=False) if isinstance(packed, Tensor) else packed
