"""vLLM's dialect of `/rerank`: Jina's words, limits in tokens, and the document in every result.

Source: vllm/entrypoints/pooling/scoring/{protocol,serving,io_processor}.py of vLLM.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, cast, get_args

from ...errors import InvalidField
from ...settings import Direction
from ...text.policy import MIN_PAIR_TOKENS
from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import FLAG, Schema, at_least, optional, words
from .jina import DOCUMENTS_BODY, RESULTS_ANSWER
from .results import documents_call, frame, ranked_items, with_documents

VLLM_LIMITS: dict[str, Schema] = {
    "truncate_prompt_tokens": optional({"anyOf": [{"const": -1}, {"type": "integer", "minimum": MIN_PAIR_TOKENS}]}),
    "truncation_side": words("left", "right"),
    "max_tokens_per_doc": at_least(0),
    "max_tokens_per_query": at_least(0),
    "use_activation": FLAG,
    "priority": optional({"const": 0}),
    "normalize": {"type": "null"},
}
"""Options of both vLLM dialects."""


def vllm_limits(fields: Fields, context: RequestContext) -> dict[str, Any]:
    """Read what vLLM's dialects say about long texts, as `RankRequest` has it.

    vLLM refuses what does not fit unless it is told how to cut; here that holds only where vLLM was asked for by name.
    """
    _refuse_what_vllm_refuses(fields)
    pair, document = _pair_tokens(fields), fields.limit("max_tokens_per_doc")
    is_told_how = pair is not None or document is not None
    may_cut = True if is_told_how else False if context.by_name else None
    return {
        "max_pair_tokens": None if pair == -1 else pair,
        "max_query_tokens": fields.limit("max_tokens_per_query"),
        "max_document_tokens": document,
        "truncation_direction": cast("Direction | None", fields.choice("truncation_side", get_args(Direction))),
        "long_documents": context.on_long_documents(may_cut=may_cut),
        "names": {
            "max_pair_tokens": "truncate_prompt_tokens",
            "max_query_tokens": "max_tokens_per_query",
            "max_document_tokens": "max_tokens_per_doc",
        },
    }


def _pair_tokens(fields: Fields) -> int | None:
    """The wanted length of a pair; -1 stands for the model's own."""
    pair = fields.integer("truncate_prompt_tokens", minimum=-1)
    if pair is not None and 0 <= pair < MIN_PAIR_TOKENS:
        raise InvalidField(
            f"{fields.named('truncate_prompt_tokens')} is {pair}; the special tokens of a pair and both of its texts "
            f"need at least {MIN_PAIR_TOKENS}.",
            remedy="Send -1 for the model's own limit.",
        )
    return pair


def _refuse_what_vllm_refuses(fields: Fields) -> None:
    fields.refuse("normalize", "is not known", remedy="Send `use_activation` instead.")
    if fields.integer("priority"):
        # Gateways look for vLLM's own words, and then leave the key out.
        raise InvalidField(
            "`priority` is not 0, but Priority scheduling is not enabled.",
            remedy="Leave it out: the earliest deadline comes first.",
        )


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

    def parse(self, fields: Fields, context: RequestContext) -> Call:
        """Read what Jina's dialect reads, and vLLM's limits; the document is always given back."""
        call = documents_call(fields, **vllm_limits(fields, context))
        raw = call.raw_scores or not fields.boolean("use_activation", default=True)
        return replace(call, return_documents=True, raw_scores=raw)

    def render(self, reply: Reply) -> dict[str, Any]:
        """Results best first, each with its document."""
        object_name = "rerank" if reply.context.route == "/rerank" else "list"
        return frame(reply, object_name) | {"results": with_documents(reply, ranked_items(reply))}
