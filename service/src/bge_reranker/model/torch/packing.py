"""Packing: the pairs of a batch sorted by length, end to end, with what attention must know of it.

Dimensions: T tokens in the pack, N sequences, R rows (T or N rounded up to whole blocks).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...engine.batch import Batch
from ..families.geometry import Geometry


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring sequences of one length."""

    sequence: int
    """Index of the first of them."""

    row: int
    """Row of its first token."""

    count: int
    """How many there are."""

    length: int
    """Tokens of each."""


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Which rows belong to which sequence."""

    lengths: tuple[int, ...]
    """Rows of each sequence, never decreasing."""

    cu_seqlens: Tensor
    """int32 (N + 1,): sequence i owns the rows from cu_seqlens[i] to cu_seqlens[i + 1]."""

    max_seqlen: int
    """Rows of the longest; an int of Python's, so that no kernel launch waits for the device."""

    runs: tuple[Run, ...]
    """The same as runs of equal length."""

    @property
    def rows(self) -> int:
        """Rows of all sequences together."""
        return sum(self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)


@dataclass(frozen=True, slots=True, eq=False)
class PackedInput:
    """A batch as the network reads it."""

    tokens: Tensor
    """int64 (R,): token ids, sorted by sequence length, padding ids behind the last pair."""

    types: Tensor
    """int64 (R,): segment of each token."""

    positions: Tensor
    """int64 (R,): row of the position table of each token."""

    spans: Spans
    """All tokens of every sequence."""

    firsts: Spans
    """The first token of every sequence, as spans of one row each."""

    order: NDArray[np.int64]
    """int64 (N,): order[i] is the index in the batch of the i-th sequence here."""


def spans_of(lengths: NDArray[np.int64], device: torch.device) -> Spans:
    """Describe sequences of the given, never decreasing, lengths.

    Args:
        lengths: int64 (N,): rows of each sequence.
        device: Where `cu_seqlens` is needed.
    """
    cu_seqlens = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=cu_seqlens[1:])
    starts = np.flatnonzero(np.diff(lengths, prepend=-1))
    counts = np.diff(starts, append=len(lengths))
    runs = tuple(
        Run(int(start), int(cu_seqlens[start]), int(count), int(lengths[start]))
        for start, count in zip(starts, counts, strict=True)
    )
    table = torch.from_numpy(cu_seqlens).to(device, non_blocking=True)
    return Spans(tuple(lengths.tolist()), table, int(lengths[-1]), runs)


def whole_blocks(rows: int, block_rows: int) -> int:
    """Round up to whole blocks; 0 block rows mean one block of any size."""
    return rows if block_rows == 0 else -(-rows // block_rows) * block_rows


def pack_tokens(batch: Batch, geometry: Geometry, block_rows: int, device: torch.device) -> PackedInput:
    """Sort the pairs by length and move them to the device.

    Sorting brings equal lengths together, so that attention over them is one call without a single padded token.

    Args:
        batch: N pairs, T tokens.
        geometry: Gives the padding id, and the family how positions are counted.
        block_rows: Rows of a block of row-wise work; 0 for no blocks.
        device: Where the network lies.
    """
    starts = batch.cu_seqlens[:-1].astype(np.int64)
    lengths = np.diff(batch.cu_seqlens).astype(np.int64)
    order = np.argsort(lengths, kind="stable")
    lengths = lengths[order]
    new_starts = np.cumsum(lengths) - lengths
    within = np.arange(batch.total_tokens) - np.repeat(new_starts, lengths)
    taken = np.repeat(starts[order], lengths) + within
    tokens = batch.tokens[taken].astype(np.int64)
    positions = geometry.family.positions(geometry, tokens, within, lengths)
    rows = whole_blocks(len(tokens), block_rows)
    return PackedInput(
        tokens=_to_device(tokens, rows, device, fill=geometry.pad_token_id),
        types=_to_device(batch.types[taken].astype(np.int64), rows, device),
        positions=_to_device(positions, rows, device),
        spans=spans_of(lengths, device),
        firsts=spans_of(np.ones_like(lengths), device),
        order=order,
    )


def _to_device(values: NDArray[np.int64], rows: int, device: torch.device, fill: int = 0) -> Tensor:
    padded = np.full(rows, fill, dtype=np.int64)
    padded[: len(values)] = values
    return torch.from_numpy(padded).to(device, non_blocking=True)
