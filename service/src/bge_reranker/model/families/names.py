"""Tensors of a checkpoint and parameters of the packed network, as a family names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = tuple[int, ...]

TableIndex = Literal["tokens", "types", "positions"]
"""What a token looks up in an embedding table: its id, its segment or its position."""


@dataclass(frozen=True, slots=True)
class Table:
    """One embedding table."""

    parameter: str
    """Name in the network's embeddings."""

    tensor: str
    """Name in the checkpoint."""

    rows: int
    """Rows that config.json asks for."""

    index: TableIndex
    """What its rows are looked up by."""


@dataclass(frozen=True, slots=True)
class LayerNames:
    """Names of the modules of one encoder layer, each with a weight and perhaps a bias."""

    query: str
    key: str
    value: str
    output: str
    attention_norm: str
    widen: str
    narrow: str
    feed_forward_norm: str

    @property
    def linears(self) -> tuple[str, ...]:
        """The linear layers, in the order in which they are computed."""
        return (self.query, self.key, self.value, self.output, self.widen, self.narrow)


@dataclass(frozen=True, slots=True)
class Source:
    """One parameter of the network and the checkpoint tensors laid end to end that make it."""

    parameter: str
    """Name in the network."""

    tensors: tuple[str, ...]
    """Names in the checkpoint, in order along the first dimension."""

    shape: Shape
    """Shape of each of the tensors."""
