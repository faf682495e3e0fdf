"""Packing: the pairs of a batch sorted by length, end to end, with what attention must know of it.

Dimensions: T tokens in the pack, N sequences, R rows (T or N rounded up to whole blocks).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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

    starts: Tensor
    """int32 (N,): row of the first token of each sequence."""

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
    """int32 (R,): token ids, sorted by sequence length, padding ids behind the last pair."""

    types: Tensor
    """int32 (R,): segment of each token."""

    positions: Tensor
    """int32 (R,): row of the position table of each token."""

    spans: Spans
    """All tokens of every sequence."""

    firsts: Spans
    """The first token of every sequence, as spans of one row each."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A packed batch in host memory: one array, so that it takes one copy to reach a device."""

    numbers: NDArray[np.int32]
    """int32 (3 R + 3 N + 2,): tokens, types, positions; cumulative lengths, starts, and cumulative lengths of first
    rows."""

    rows: int
    """R."""

    lengths: NDArray[np.int64]
    """int64 (N,): rows of each sequence."""

    order: NDArray[np.int64]
    """int64 (pairs,): order[i] is the index in the batch of the i-th sequence here."""

    @property
    def total_tokens(self) -> int:
        """Tokens of all pairs."""
        return int(self.lengths.sum())

    def place(self, numbers: Tensor, longest: int = 0) -> PackedInput:
        """Describe the batch to the network.

        Args:
            numbers: int32 (3 R + 3 N + 2,): `numbers` where the network lies.
            longest: Rows that the longest sequence is said to have; 0 for what it has.
        """
        count = len(self.lengths)
        tokens, types, positions, cu_seqlens, starts, cu_firsts = numbers.split(
            [self.rows, self.rows, self.rows, count + 1, count, count + 1]
        )
        firsts = np.ones_like(self.lengths)
        return PackedInput(
            tokens,
            types,
            positions,
            Spans(
                tuple(self.lengths.tolist()),
                cu_seqlens,
                longest or int(self.lengths.max()),
                starts,
                _runs(self.lengths),
            ),
            Spans(tuple(firsts.tolist()), cu_firsts, 1, cu_firsts[:-1], _runs(firsts)),
        )


def spans_of(lengths: NDArray[np.int64], device: torch.device) -> Spans:
    """Describe sequences of the given, never decreasing, lengths.

    Args:
        lengths: int64 (N,): rows of each sequence.
        device: Where `cu_seqlens` is needed.
    """
    cu_seqlens = torch.from_numpy(_cumulative(lengths)).to(device)
    return Spans(tuple(lengths.tolist()), cu_seqlens, int(lengths[-1]), cu_seqlens[:-1], _runs(lengths))


def whole_blocks(rows: int, block_rows: int) -> int:
    """Round up to whole blocks; 0 block rows mean one block of any size."""
    return rows if block_rows == 0 else -(-rows // block_rows) * block_rows


def lay_out(batch: Batch, geometry: Geometry, block_rows: int) -> Layout:
    """Sort the pairs by length and lay them end to end.

    Sorting brings equal lengths together, so that attention over them is one call without a single padded token.

    Args:
        batch: N pairs, T tokens.
        geometry: Gives the padding id, and the family how positions are counted.
        block_rows: Rows of a block of row-wise work; 0 for no blocks.
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
    columns = (tokens, batch.types[taken], positions)
    return _joined(columns, rows, lengths, order, geometry.pad_token_id)


def pad_to(layout: Layout, rows: int, sequences: int, longest: int, geometry: Geometry) -> Layout:
    """Fill a batch up to a fixed number of rows and sequences, which a recorded graph has.

    Rows beyond the batch become sequences of padding, so that nothing is computed from memory that nobody wrote; the
    sequences beyond those have no rows.

    Args:
        layout: Without blocks.
        rows: Wanted, not fewer than there are.
        sequences: Wanted, enough for the batch and the padding.
        longest: Most rows of a sequence of padding.
        geometry: Gives the padding id.
    """
    left = rows - layout.rows
    padding = [longest] * (left // longest) + ([left % longest] if left % longest else [])
    empty = sequences - len(layout.lengths) - len(padding)
    if left < 0 or empty < 0:
        raise ValueError(f"{layout.rows} rows do not fit {rows}, or their sequences {sequences}; this is a bug")
    lengths = np.concatenate([layout.lengths, np.array(padding + [0] * empty, dtype=np.int64)])
    columns = tuple(layout.numbers[part * layout.rows : (part + 1) * layout.rows] for part in range(3))
    return _joined(columns, rows, lengths, layout.order, geometry.pad_token_id)


def pack_tokens(batch: Batch, geometry: Geometry, block_rows: int, device: torch.device) -> PackedInput:
    """Lay a batch out and copy it to a device, see `lay_out`."""
    layout = lay_out(batch, geometry, block_rows)
    return layout.place(torch.from_numpy(layout.numbers).to(device))


def _joined(
    columns: Sequence[NDArray[Any]], rows: int, lengths: NDArray[np.int64], order: NDArray[np.int64], pad: int
) -> Layout:
    """Put tokens, types and positions, filled up to whole rows, and the tables of sequences into one array."""
    count = len(lengths)
    numbers = np.zeros(3 * rows + 3 * count + 2, dtype=np.int32)
    numbers[:rows] = pad
    for part, column in enumerate(columns):
        numbers[part * rows : part * rows + len(column)] = column
    tables, cumulative = numbers[3 * rows :], _cumulative(lengths)
    tables[: count + 1] = cumulative
    # A sequence without rows may begin behind the last one: its first row is any, and its logit nobody's.
    tables[count + 1 : 2 * count + 1] = np.where(lengths > 0, cumulative[:-1], 0)
    tables[2 * count + 1 :] = np.arange(count + 1)
    return Layout(numbers, rows, lengths, order)


def _cumulative(lengths: NDArray[np.int64]) -> NDArray[np.int32]:
    cumulative = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=cumulative[1:])
    return cumulative


def _runs(lengths: NDArray[np.int64]) -> tuple[Run, ...]:
    cumulative = _cumulative(lengths)
    starts = np.flatnonzero(np.diff(lengths, prepend=-1))
    counts = np.diff(starts, append=len(lengths))
    return tuple(
        Run(int(start), int(cumulative[start]), int(count), int(lengths[start]))
        for start, count in zip(starts, counts, strict=True)
    )
