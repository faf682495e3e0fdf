"""Which pairs are computed together, and in which shape: a small number of shapes, whatever lengths arrive.

A runtime with dynamic shapes builds its kernels anew for every shape that it has not met, so lengths are rounded up to
buckets and rows to powers of two. A bucket depends on the pair's own length only: what rides along never changes the
shape that a pair is computed in, except for the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_STEP_ALONE_TOKENS = 4
"""Distance of two length buckets where each pair is a call of its own: little padding, many shapes."""

_STEP_SHARED_TOKENS = 16
"""The same where pairs of a bucket share calls: more padding, but more pairs share a call."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Pairs of one length bucket that are computed in one call."""

    pairs: NDArray[np.int64]
    """Their indices in the batch."""

    length: int
    """Tokens that each is padded to."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and length."""
        return len(self.pairs), self.length


def bucket_step(max_tokens: int) -> int:
    """Say how far apart buckets are, in tokens, where a call has at most so many; 0 for one pair a call."""
    return _STEP_SHARED_TOKENS if max_tokens else _STEP_ALONE_TOKENS


def all_buckets(max_pair_tokens: int, step: int) -> list[int]:
    """List the buckets, shortest first; the last one ends at the model's limit."""
    return [*range(step, max_pair_tokens, step), max_pair_tokens]


def rows_within(length: int, max_tokens: int) -> int:
    """Most rows of a bucket, a power of two: as many as the tokens of one call allow, at least one."""
    return 1 << max(0, (max_tokens // length).bit_length() - 1)


def split(lengths: NDArray[np.int64], max_pair_tokens: int, max_tokens: int) -> list[Block]:
    """Sort pairs into blocks, longest first, rows in powers of two so that no row is empty.

    Args:
        lengths: int64 (N,): tokens of each pair.
        max_pair_tokens: The model's limit.
        max_tokens: Most tokens of one call, padding included; 0 for one pair a call.
    """
    step = bucket_step(max_tokens)
    buckets = np.minimum(-(-lengths // step) * step, max_pair_tokens)
    blocks = []
    for length in sorted(set(buckets.tolist()), reverse=True):
        waiting = np.flatnonzero(buckets == length)
        rows = rows_within(length, max_tokens)
        while len(waiting):
            while rows > len(waiting):
                rows //= 2
            blocks.append(Block(waiting[:rows], length))
            waiting = waiting[rows:]
    return blocks
