"""Linear layers of a network of transformers, computed by the body that the packed networks use on this device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from ..torch.linear import LinearBody


class _FastLinear(nn.Module):
    """What stands in a linear layer's place.

    Args:
        linear: The layer.
        body: Computes.
    """

    def __init__(self, linear: nn.Linear, body: LinearBody[Any]) -> None:
        super().__init__()
        weight = linear.weight.detach()
        self._body = body
        self._weight = body.pack(weight)
        # torch's annotation leaves out that a layer may have none.
        bias: Tensor | None = linear.bias
        self._bias = torch.zeros(len(weight)) if bias is None else bias.detach()

    @override
    def forward(self, rows: Tensor) -> Tensor:
        """Compute the layer: float (..., I) to float (..., O)."""
        flat = rows.reshape(-1, rows.shape[-1])
        return self._body.apply(flat, self._weight, self._bias, gelu=False).view(*rows.shape[:-1], -1)


class FastLinears:
    """The linear layers of a network, exchanged for others, which can be taken back.

    Args:
        model: The network.
        body: Computes.
    """

    def __init__(self, model: nn.Module, body: LinearBody[Any]) -> None:
        self._plain = [
            (parent, name, child)
            for parent in list(model.modules())
            for name, child in parent.named_children()
            # Subclasses are read by their parents, past `forward`.
            if type(child) is nn.Linear
        ]
        for parent, name, child in self._plain:
            setattr(parent, name, _FastLinear(child, body))

    def take_back(self) -> None:
        """Put the layers back that were there."""
        for parent, name, child in self._plain:
            setattr(parent, name, child)
