"""Token ids to the sums of their embeddings, looked up in the mapped file.

The tables are the larger half of a multilingual model. Only rows of words that occur are ever read, so they cost page
cache and no memory of the process, and two processes share them.

Dimensions: N sequences, L tokens of the padded length, H hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..checkpoint.arrays import StoredTensor
from ..families.geometry import Geometry
from ..families.names import TableIndex


class EmbeddingRows:
    """The embedding tables of a checkpoint."""

    def __init__(self, tensors: Mapping[str, StoredTensor], geometry: Geometry) -> None:
        self._geometry = geometry
        self._tables: list[tuple[TableIndex, StoredTensor]] = []
        for table in geometry.family.tables(geometry):
            stored = tensors[table.tensor]
            # The others are small and are read for every token.
            values = stored if table.index == "tokens" else StoredTensor(stored.floats(), "F32")
            self._tables.append((table.index, values))

    def look_up(self, tokens: NDArray[np.int64], types: NDArray[np.int64]) -> NDArray[np.float32]:
        """Sum the embeddings in the order in which the packed network does.

        Args:
            tokens: int64 (N, L): token ids, padding ids behind each pair.
            types: int64 (N, L): segment of each token.

        Returns:
            float32 (N, L, H).
        """
        indices = {"tokens": tokens, "types": types, "positions": self._positions_of(tokens)}
        (first, table), *others = self._tables
        hidden = table.rows(indices[first])
        for index, table in others:
            hidden += table.rows(indices[index])
        return hidden

    def _positions_of(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        sequences, length = tokens.shape
        offsets = np.tile(np.arange(length), sequences)
        lengths = np.full(sequences, length)
        found = self._geometry.family.positions(self._geometry, tokens.ravel(), offsets, lengths)
        return found.reshape(tokens.shape)
