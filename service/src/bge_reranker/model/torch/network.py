"""The network: embeddings, encoder layers over packed tokens, and the head, for all families alike.

How linear layers and attention are computed comes in with each call as `Bodies`.

Dimensions: T tokens, N sequences, R rows (T or N rounded up to whole blocks), H hidden, A heads, D head size.

Source: each family's module names the one of transformers that it agrees with (post-norm encoders).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from ..families.geometry import Geometry
from .attention import Attention, PlainAttention
from .linear import Linear, LinearBody, PlainLinear
from .packing import PackedInput, Spans, whole_blocks
from .residual_norm import PlainResidualNorm, ResidualNorm

_PLAIN = PlainLinear()


@dataclass(frozen=True, slots=True)
class Bodies:
    """How the heavy computations are done, each a field by the name that logs and `/info` have."""

    linear: LinearBody[Any]
    attention: Attention
    norm: ResidualNorm = field(default_factory=PlainResidualNorm)

    @property
    def names(self) -> dict[str, str]:
        """The name of each body, by computation."""
        return {computation: getattr(self, computation).name for computation in COMPUTATIONS}

    def reference(self) -> Bodies:
        """The plain bodies, over weights as this linear body packs them."""
        return Bodies(self.linear.reference(), PlainAttention())

    @property
    def head(self) -> LinearBody[Any]:
        """How the head's linear layers are computed."""
        return _PLAIN if self.linear.is_lossy else self.linear


COMPUTATIONS = tuple(part.name for part in fields(Bodies))
"""The computations that have bodies."""

PLAIN = Bodies(_PLAIN, PlainAttention())
"""The plain bodies, over plain weights."""


class Blocks:
    """Row-wise work in blocks of a few fixed numbers of rows.

    Matrix products may round differently for different numbers of rows, yet for a fixed number a row's result depends
    on that row alone. With one size the same pair therefore gets the same bits in every batch; with several it does
    where the sizes agree, which warm-up finds out. Large blocks spare calls, small ones spare empty rows.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        """Rows of a block, largest first, each a multiple of the last; none takes all rows at once."""

    @property
    def granularity_rows(self) -> int:
        """What the number of rows must be a multiple of; 0 where anything goes."""
        return self.sizes[-1] if self.sizes else 0

    def apply(self, work: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
        """Run row-wise work over tensors whose number of rows is a multiple of the smallest block."""
        total = len(tensors[0])
        if not self.sizes or total in self.sizes:
            return work(*tensors)
        parts, start = [], 0
        while start < total:
            end = start + next(size for size in self.sizes if size <= total - start)
            parts.append(work(*(tensor[start:end] for tensor in tensors)))
            start = end
        return torch.cat(parts)


def norm(geometry: Geometry) -> nn.Module:
    """Make the family's norm over H."""
    made: nn.Module = geometry.family.norm(nn, geometry.hidden_size, geometry.layer_norm_eps)
    return made


class Embeddings(nn.Module):
    """The family's embedding tables, summed and normalised."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        tables = geometry.family.tables(geometry)
        for table in tables:
            values = nn.Parameter(torch.empty(table.rows, geometry.hidden_size), requires_grad=False)
            self.register_parameter(table.parameter, values)
        self._look_ups = tuple((table.parameter, table.index) for table in tables)
        self.norm = norm(geometry)

    @override
    def forward(self, packed: PackedInput) -> Tensor:
        """Embed to float (R, H)."""
        rows = (functional.embedding(getattr(packed, index), getattr(self, name)) for name, index in self._look_ups)
        hidden: Tensor = self.norm(reduce(torch.add, rows))
        return hidden


class Layer(nn.Module):
    """One encoder layer over all tokens."""

    def __init__(self, geometry: Geometry, blocks: Blocks) -> None:
        super().__init__()
        hidden, wide = geometry.hidden_size, geometry.intermediate_size
        self.heads = geometry.heads
        self.blocks = blocks
        self._build_projection(hidden)
        self.output = Linear(hidden, hidden)
        self.attention_norm = norm(geometry)
        self.widen = Linear(hidden, wide, gelu=True)
        self.narrow = Linear(wide, hidden)
        self.feed_forward_norm = norm(geometry)

    def _build_projection(self, hidden: int) -> None:
        self.qkv = Linear(hidden, 3 * hidden)

    @override
    def forward(self, hidden: Tensor, packed: PackedInput, bodies: Bodies) -> Tensor:
        """Compute float (R, H) -> float (R, H)."""
        qkv = self.blocks.apply(lambda rows: self.qkv(rows, bodies.linear), hidden)
        query, key, value = qkv.view(len(qkv), 3, self.heads, -1).unbind(1)
        context = bodies.attention(query, key, value, packed.spans, packed.spans)
        return self._finish(context, hidden, bodies)

    def _finish(self, context: Tensor, residual: Tensor, bodies: Bodies) -> Tensor:
        """Do everything after attention, which is row-wise: float (R, H), float (R, H) -> float (R, H)."""

        def rowwise(context: Tensor, residual: Tensor) -> Tensor:
            body = bodies.linear
            attended = bodies.norm(self.output(context, body), residual, self.attention_norm)
            fed = self.narrow(self.widen(attended, body), body)
            return bodies.norm(fed, attended, self.feed_forward_norm)

        return self.blocks.apply(rowwise, context, residual)


class FirstTokenLayer(Layer):
    """The last layer for a head that reads first tokens only: keys and values of all tokens, the rest of N rows."""

    @override
    def _build_projection(self, hidden: int) -> None:
        self.query = Linear(hidden, hidden)
        self.key_value = Linear(hidden, 2 * hidden)

    @override
    def forward(self, hidden: Tensor, packed: PackedInput, bodies: Bodies) -> Tensor:
        """Compute float (R of T, H) -> float (R of N, H)."""
        key_value = self.blocks.apply(lambda rows: self.key_value(rows, bodies.linear), hidden)
        key, value = key_value.view(len(key_value), 2, self.heads, -1).unbind(1)
        first = first_rows(hidden, packed.spans, self.blocks.granularity_rows)
        query = self.blocks.apply(lambda rows: self.query(rows, bodies.linear), first)
        query = query.view(len(query), self.heads, -1)
        context = bodies.attention(query, key, value, packed.firsts, packed.spans)
        return self._finish(context, first, bodies)


class Head(nn.Module):
    """Dense, tanh, one logit, on the first token's state; the logit in float32 whatever the precision of the rest."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.dense = Linear(geometry.hidden_size, geometry.hidden_size)
        self.logit = Linear(geometry.hidden_size, 1)

    @override
    def forward(self, first: Tensor, body: LinearBody[Any]) -> Tensor:
        """Compute float (R, H) -> float32 (R, 1)."""
        state = torch.tanh(self.dense(first, body))
        logits: Tensor = self.logit(state.float(), body)
        return logits


class PackedClassifier(nn.Module):
    """Token ids to logits, no padding anywhere."""

    def __init__(self, geometry: Geometry, block_sizes: tuple[int, ...], *, shortcut: bool = True) -> None:
        """Lay out the parameters without values; build it on the meta device and let `weights` fill it.

        Args:
            geometry: Sizes and family.
            block_sizes: Rows of blocks of row-wise work, see `Blocks`.
            shortcut: Whether the last layer computes first tokens only; False is the reference for tests.
        """
        super().__init__()
        self.geometry = geometry
        self.blocks = Blocks(block_sizes)
        self.embeddings = Embeddings(geometry)
        kinds = [Layer] * (geometry.layers - 1) + [FirstTokenLayer if shortcut else Layer]
        self.layers = nn.ModuleList(kind(geometry, self.blocks) for kind in kinds)
        self.head = Head(geometry)
        self.shortcut = shortcut

    @override
    def forward(self, packed: PackedInput, bodies: Bodies) -> Tensor:
        """Score.

        Args:
            packed: N sequences of T tokens in R rows.
            bodies: How linear layers and attention are computed.

        Returns:
            float32 (N,): one logit per sequence, in the order of `packed`.
        """
        hidden = self.embeddings(packed)
        for layer in self.layers:
            hidden = layer(hidden, packed, bodies)
        first = hidden if self.shortcut else first_rows(hidden, packed.spans, self.blocks.granularity_rows)
        logits = self.blocks.apply(lambda rows: self.head(rows, bodies.head), first)
        return logits[: len(packed.spans), 0]

    def set_precision(self, precision: torch.dtype) -> None:
        """Set the number format of all parameters but the last product's, which stays float32."""
        self.to(precision)
        self.head.logit.float()

    def repack(self, unpacker: LinearBody[Any], packer: LinearBody[Any]) -> None:
        """Bring linear weights from the form of one body into that of another, one at a time; all or none.

        Those of the head stay as they are where one of the two is lossy, and so do weights rounded that a lossy body
        had packed before it failed.
        """
        packed = self.layers if unpacker.is_lossy or packer.is_lossy else self
        done: list[Linear] = []
        try:
            for module in packed.modules():
                if isinstance(module, Linear):
                    module.repack(unpacker, packer)
                    done.append(module)
        except Exception:
            for module in done:
                module.repack(packer, unpacker)
            raise


def first_rows(hidden: Tensor, spans: Spans, block_rows: int) -> Tensor:
    """Take the first row of every sequence, zeros up to whole blocks: float (R of T, H) -> float (R of N, H)."""
    first = hidden[spans.starts]
    return functional.pad(first, (0, 0, 0, whole_blocks(len(spans), block_rows) - len(spans)))
