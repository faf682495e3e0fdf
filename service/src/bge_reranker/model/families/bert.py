"""BERT: positions counted from 0, and a pooler as the head's first layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from .family import Family
from .geometry import Geometry


class Bert(Family):
    """Checkpoints of `BertForSequenceClassification`.

    Source: modeling_bert.py of transformers 5.23.
    """

    model_type = "bert"
    encoder = "bert"
    dense = "bert.pooler.dense"
    logit = "classifier"
    default_pad_token_id = 0
    has_openvino_graph = True

    @override
    def positions(
        self,
        geometry: Geometry,
        tokens: NDArray[np.int64],
        offsets: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Count from 0."""
        return offsets
