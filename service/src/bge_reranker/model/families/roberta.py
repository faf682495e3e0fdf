"""RoBERTa: positions counted from the padding token's id, and a head of its own that never reads the pooler."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from .family import Family
from .geometry import Geometry


class Roberta(Family):
    """Checkpoints of `RobertaForSequenceClassification`.

    Source: modeling_roberta.py of transformers 5.23.
    """

    model_type = "roberta"
    encoder = "roberta"
    dense = "classifier.dense"
    logit = "classifier.out_proj"
    default_pad_token_id = 1
    has_openvino_graph = True

    @override
    def max_pair_tokens(self, geometry: Geometry) -> int:
        return geometry.positions - geometry.pad_token_id - 1

    @override
    def positions(
        self,
        geometry: Geometry,
        tokens: NDArray[np.int64],
        offsets: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Count the tokens that are not padding, from the padding's id: a text may hold the padding's spelling."""
        is_text = tokens != geometry.pad_token_id
        counted = np.cumsum(is_text)
        starts = np.cumsum(lengths) - lengths
        before = counted[starts] - is_text[starts]
        ranks = counted - np.repeat(before, lengths)
        positions: NDArray[np.int64] = ranks * is_text + geometry.pad_token_id
        return positions

    @override
    def unused_tensors(self) -> frozenset[str]:
        """Some checkpoints still carry the pooler."""
        pooler = f"{self.encoder}.pooler.dense"
        return super().unused_tensors() | {f"{pooler}.weight", f"{pooler}.bias"}
