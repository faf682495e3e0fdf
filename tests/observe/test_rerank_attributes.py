from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from bge_reranker.observe.rerank_attributes import rerank_attributes
from bge_reranker.observe.tracing import Traced
from bge_reranker.ranking.ranking import Ranking, Timing
from bge_reranker.settings import ObserveSettings

RANKING = Ranking(
    np.zeros(3, np.float32), {}, np.full(3, 5, np.int32), np.array([True, False, True]), Timing(0.0, 0.0, 0.0)
)
OURS = {
    "bge_reranker.documents": 3,
    "bge_reranker.tokens": 15,
    "bge_reranker.truncated_documents": 2,
    "bge_reranker.failed_documents": 0,
}
OPENINFERENCE = {
    "openinference.span.kind": "RERANKER",
    "reranker.model_name": "served",
    "reranker.top_k": 2,
    "llm.token_count.prompt": 15,
}
GENAI = {
    "gen_ai.operation.name": "rerank",
    "gen_ai.provider.name": "bge_reranker",
    "gen_ai.request.model": "served",
    "gen_ai.rerank.candidate.count": 3,
    "gen_ai.rerank.top_n": 2,
    "gen_ai.usage.input_tokens": 15,
}


def traced(top_n: int | None = 2) -> Traced:
    return Traced(1.0, 200, "ok", "/rerank", "id", "native", "served", 3, top_n, RANKING)


@pytest.mark.parametrize(
    ("wanted", "more"),
    [("none", {}), ("openinference", OPENINFERENCE), ("genai", GENAI), ("both", OPENINFERENCE | GENAI)],
)
def test_the_setting_chooses_by_which_conventions_the_span_is_named(
    wanted: Literal["none", "openinference", "genai", "both"], more: dict[str, object]
) -> None:
    assert rerank_attributes(traced(), ObserveSettings(rerank_attributes=wanted)) == OURS | more


def test_who_names_no_limit_asks_for_all() -> None:
    found = rerank_attributes(traced(top_n=None), ObserveSettings(rerank_attributes="both"))
    assert found["reranker.top_k"] == 3
    assert "gen_ai.rerank.top_n" not in found
