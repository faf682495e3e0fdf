"""Looks at the held-out queries while a network is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from sentence_transformers import CrossEncoder
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.base.model import BaseModel
from torch import nn
from typing_extensions import override

from ..evaluation.cases import RankingCase
from ..evaluation.measures import measure_rankings
from .failures import TrainingFailed

METRIC = "ndcg_at_10"
"""What the best checkpoint is chosen by."""


class HeldOutQueries(BaseEvaluator):
    """Measures a network on queries that it is not trained on, as the gate would.

    Args:
        cases: Judged queries.
        batch_pairs: Pairs that are scored at a time.
    """

    def __init__(self, cases: Sequence[RankingCase], batch_pairs: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # it declares no types
        self.primary_metric = METRIC
        self._cases = cases
        self._batch_pairs = batch_pairs

    @override
    def __call__(self, model: BaseModel, *_: Any, **__: Any) -> dict[str, float]:
        network = cast("CrossEncoder", model)
        pairs = [(case.query, document) for case in self._cases for document in case.documents]
        logits = np.asarray(
            network.predict(pairs, batch_size=self._batch_pairs, activation_fn=nn.Identity(), show_progress_bar=False),
            dtype=np.float64,
        ).reshape(-1)
        if not np.isfinite(logits).all():
            raise TrainingFailed(
                "The network scores no finite numbers any more.",
                remedy="Give a lower --learning-rate, or --mixed-precision no.",
            )
        ends = np.cumsum([len(case.documents) for case in self._cases])
        return {METRIC: measure_rankings(self._cases, [list(part) for part in np.split(logits, ends[:-1])]).ndcg_at_10}
