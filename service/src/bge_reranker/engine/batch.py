"""Tokenised pairs and the flat batches made of them. No torch: arrays are NumPy's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DOCUMENT_PART = 1
"""Bit of a token's segment: it is of the document, in pairs of dual encoders."""

PICTURE_PART = 2
"""Bit of a token's segment: it stands for a patch of a picture, in pairs of dual encoders."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One (query, document) pair as the model reads it, special tokens included."""

    tokens: NDArray[np.int32]
    """int32 (T,): token ids."""

    types: NDArray[np.int8]
    """int8 (T,): segment of each token, all 0 for models with one segment type."""

    pictures: tuple[NDArray[np.uint8], ...] = ()
    """uint8 (side, side, 3) each: pixels of its parts that are pictures, the query's first."""

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pairs laid end to end without padding: T tokens in all, N pairs."""

    tokens: NDArray[np.int32]
    """int32 (T,): token ids of all pairs."""

    types: NDArray[np.int8]
    """int8 (T,): segment of each token."""

    cu_seqlens: NDArray[np.int32]
    """int32 (N + 1,): pair i owns the tokens from cu_seqlens[i] to cu_seqlens[i + 1]."""

    max_seqlen: int
    """Length in tokens of the longest pair."""

    pictures: tuple[NDArray[np.uint8], ...] = ()
    """Pictures of all pairs, in their order."""

    def __len__(self) -> int:
        return len(self.cu_seqlens) - 1

    @property
    def total_tokens(self) -> int:
        """Tokens in all pairs."""
        return len(self.tokens)


def pack(pairs: Sequence[Pair]) -> Batch:
    """Lay pairs end to end.

    Raises:
        ValueError: If there is no pair, or one has no tokens; this is a bug.
    """
    if not pairs:
        raise ValueError("a batch needs at least one pair; this is a bug")
    lengths = np.fromiter((len(pair) for pair in pairs), dtype=np.int32, count=len(pairs))
    if not lengths.all():
        raise ValueError("a pair has at least its special tokens; this is a bug")
    cu_seqlens = np.zeros(len(pairs) + 1, dtype=np.int32)
    np.cumsum(lengths, out=cu_seqlens[1:])
    return Batch(
        tokens=np.concatenate([pair.tokens for pair in pairs]),
        types=np.concatenate([pair.types for pair in pairs]),
        cu_seqlens=cu_seqlens,
        max_seqlen=int(lengths.max()),
        pictures=tuple(picture for pair in pairs for picture in pair.pictures),
    )
