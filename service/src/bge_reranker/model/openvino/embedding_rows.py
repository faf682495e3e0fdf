"""Token ids to the sums of their embeddings, looked up in the mapped file.

What belongs here: the lookup and the position of each token. What must not: the layer norm behind it (`graph` has it).

The tables are the larger half of a multilingual model. Only rows of words that occur are ever read, so they cost page
cache and no memory of the process, and two processes share them.

Dimensions: N sequences, L tokens of the padded length, H hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..checkpoint.arrays import StoredTensor
from ..checkpoint.tensor_names import prefix
from ..families.geometry import Geometry


class EmbeddingRows:
    """The three tables of a checkpoint."""

    def __init__(self, tensors: Mapping[str, StoredTensor], geometry: Geometry) -> None:
        start = f"{prefix(geometry)}.embeddings"
        self._words = tensors[f"{start}.word_embeddings.weight"]
        self._positions = tensors[f"{start}.position_embeddings.weight"].floats()
        self._segments = tensors[f"{start}.token_type_embeddings.weight"].floats()
        self._geometry = geometry

    def look_up(self, tokens: NDArray[np.int64], types: NDArray[np.int64]) -> NDArray[np.float32]:
        """Sum word, segment and position embeddings, in the order in which the packed network does.

        Args:
            tokens: int64 (N, L): token ids, padding ids behind each pair.
            types: int64 (N, L): segment of each token.

        Returns:
            float32 (N, L, H).
        """
        hidden = self._words.rows(tokens)
        hidden = hidden + self._segments[types]
        hidden += self._positions[self._positions_of(tokens)]
        return hidden

    def _positions_of(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        if not self._geometry.counts_positions_from_padding:
            return np.broadcast_to(np.arange(tokens.shape[1]), tokens.shape)
        # The families count only tokens that are not padding, and a text may contain the padding token's own spelling.
        is_text = tokens != self._geometry.pad_token_id
        positions: NDArray[np.int64] = np.cumsum(is_text, axis=1) * is_text + self._geometry.pad_token_id
        return positions
