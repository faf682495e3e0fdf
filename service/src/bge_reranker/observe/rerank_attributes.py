"""Names of attributes of the `rerank` span, by the conventions that have some.

OpenInference has had them for long: https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md.
OpenTelemetry's GenAI conventions have a proposal: https://github.com/open-telemetry/semantic-conventions-genai/issues/253.
Both also name query, documents and scores, which no span of ours has: no text leaves the server by a trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..settings import ObserveSettings
from .tracing import Traced

Attributes = dict[str, str | int | float | bool]

_PROVIDER: Final = "bge_reranker"


def rerank_attributes(traced: Traced, settings: ObserveSettings) -> Attributes:
    """Everything that the `rerank` span says of a request.

    Args:
        traced: The request.
        settings: By which conventions.
    """
    ranking = traced.ranking
    attributes: Attributes = {"bge_reranker.documents": traced.documents}
    if ranking is not None:
        attributes |= {
            "bge_reranker.tokens": ranking.total_tokens,
            "bge_reranker.truncated_documents": int(ranking.truncated.sum()),
            "bge_reranker.failed_documents": len(ranking.errors),
        }
    wanted = settings.rerank_attributes
    if wanted in {"openinference", "both"}:
        attributes |= _openinference(traced)
    if wanted in {"genai", "both"}:
        attributes |= _genai(traced)
    return attributes


def _openinference(traced: Traced) -> Mapping[str, str | int]:
    named: dict[str, str | int] = {
        "openinference.span.kind": "RERANKER",
        "reranker.model_name": traced.model,
        "reranker.top_k": traced.documents if traced.top_n is None else traced.top_n,
    }
    if traced.ranking is not None:
        named["llm.token_count.prompt"] = traced.ranking.total_tokens
    return named


def _genai(traced: Traced) -> Mapping[str, str | int]:
    named: dict[str, str | int] = {
        "gen_ai.operation.name": "rerank",
        "gen_ai.provider.name": _PROVIDER,
        "gen_ai.request.model": traced.model,
        "gen_ai.rerank.candidate.count": traced.documents,
    }
    if traced.top_n is not None:
        named["gen_ai.rerank.top_n"] = traced.top_n
    if traced.ranking is not None:
        named["gen_ai.usage.input_tokens"] = traced.ranking.total_tokens
    return named
