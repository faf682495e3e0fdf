"""vLLM's dialect of `/rerank`: Jina's words, limits in tokens, and the document in every result.

Source: vllm/entrypoints/pooling/scoring/{protocol,serving,io_processor}.py of vLLM.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, cast, get_args

from ...settings import Direction
from ..dialect import Call, Place, Reply
from ..fields import Fields
from ..schema import FLAG, Schema, at_least, words
from .jina import DOCUMENTS_BODY, RESULTS_ANSWER
from .results import documents_call, frame, ranked_items, with_documents

VLLM_LIMITS: dict[str, Schema] = {
    "truncate_prompt_tokens": at_least(-1),
    "truncation_side": words("left", "right"),
    "max_tokens_per_doc": at_least(0),
    "max_tokens_per_query": at_least(0),
    "use_activation": FLAG,
}
"""Options of both vLLM dialects."""


def vllm_limits(fields: Fields, place: Place) -> dict[str, Any]:
    """Read what vLLM's dialects say about long texts, as `RankRequest` has it.

    vLLM refuses what does not fit unless it is told how to cut; here that holds only where vLLM was asked for by name.
    """
    pair = fields.integer("truncate_prompt_tokens", minimum=-1)
    document = fields.limit("max_tokens_per_doc")
    is_strict = place.by_name and pair is None and document is None
    return {
        "max_pair_tokens": None if pair == -1 else pair,
        "max_query_tokens": fields.limit("max_tokens_per_query"),
        "max_document_tokens": document,
        "truncation_direction": cast("Direction | None", fields.choice("truncation_side", get_args(Direction))),
        "long_documents": "reject" if is_strict else None,
        "names": {"max_pair_tokens": "truncate_prompt_tokens", "max_query_tokens": "max_tokens_per_query"},
    }


class VllmDialect:
    """`documents` in, `results` of `{index, relevance_score, document}` out."""

    name: ClassVar[str] = "vllm"
    title: ClassVar[str] = "vLLM, rerank"
    route: ClassVar[str] = "/rerank"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "truncate_prompt_tokens": -1,
    }
    body: ClassVar[Schema] = {**DOCUMENTS_BODY, "properties": {**DOCUMENTS_BODY["properties"], **VLLM_LIMITS}}
    answer: ClassVar[Schema] = RESULTS_ANSWER

    def parse(self, fields: Fields, place: Place) -> Call:
        """Read what Jina's dialect reads, and vLLM's limits; the document is always given back."""
        call = documents_call(fields, **vllm_limits(fields, place))
        raw = call.raw_scores or not fields.boolean("use_activation", default=True)
        return replace(call, return_documents=True, raw_scores=raw)

    def render(self, reply: Reply) -> dict[str, Any]:
        """Results best first, each with its document."""
        object_name = "rerank" if reply.place.route == "/rerank" else "list"
        return frame(reply, object_name) | {"results": with_documents(reply, ranked_items(reply))}
