"""vLLM's dialect of `/rerank`: Jina's words, limits in tokens, and the document in every result.

Source: vllm/entrypoints/pooling/scoring/{protocol,serving,io_processor}.py of vLLM.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Final, TypeVar, get_args

from typing_extensions import override

from ...engine.origin import MOST_PRIORITY
from ...errors import InvalidField
from ...settings import Direction
from ...text.policy import MIN_PAIR_TOKENS
from ..call import Call, RequestContext
from ..dialect import Dialect, KeyRule
from ..documents import DocumentsBody, documents_call
from ..error_form import BAD_REQUEST, Remedies
from ..exchange import Ranked
from ..fields import Body, Choice, Flag, Integer, Limit, Priority, Refused
from ..results import RESULTS_ANSWER, frame, object_name, ranked_items, with_documents
from ..schema import optional

_PAIR_TOKENS: Final = optional({"anyOf": [{"const": -1}, {"type": "integer", "minimum": MIN_PAIR_TOKENS}]})


class VllmOptions(Body):
    """Options of both vLLM dialects."""

    truncate_prompt_tokens = Integer(
        "Longest pair in tokens; -1 for the model's own limit.", minimum=-1, shown=_PAIR_TOKENS
    )
    truncation_side: Choice[Direction] = Choice(get_args(Direction), "End at which tokens are dropped.")
    max_tokens_per_doc = Limit("Most tokens of a document that are read; 0 for no limit.")
    max_tokens_per_query = Limit("Most tokens of a query that are read; 0 for no limit.")
    use_activation = Flag("Whether scores are sigmoids; false gives logits.", default=True)
    priority = Priority(MOST_PRIORITY, is_bounded=False)
    normalize = Refused("is not known", remedy="Send `use_activation` instead.")


B = TypeVar("B", bound=Body)


class VllmErrors(Dialect[B]):
    """What both vLLM dialects have in common: their family, and how they say what is wrong."""

    family = "vllm"
    logits: ClassVar[dict[str, Any]] = {"use_activation": False}
    statuses = BAD_REQUEST
    remedies = Remedies(
        long_document="Shorten it, or send `truncate_prompt_tokens`: -1.",
        long_query="Shorten it, or send `max_tokens_per_query`.",
        names_context_length=True,
    )


def vllm_limits(body: VllmOptions, context: RequestContext) -> dict[str, Any]:
    """Read what vLLM's dialects say about long texts, as `RankRequest` has it.

    vLLM refuses what does not fit unless it is told how to cut; here that holds only where vLLM was asked for by name.
    """
    _ = body.normalize
    pair, document = _pair_tokens(body), body.max_tokens_per_doc
    is_told_how = pair is not None or document is not None
    may_cut = True if is_told_how else False if context.by_name else None
    return {
        "max_pair_tokens": None if pair == -1 else pair,
        "max_query_tokens": body.max_tokens_per_query,
        "max_document_tokens": document,
        "truncation_direction": body.truncation_side,
        "long_documents": context.on_long_documents(may_cut=may_cut),
        "priority": body.priority,
        "names": {
            "max_pair_tokens": "truncate_prompt_tokens",
            "max_query_tokens": "max_tokens_per_query",
            "max_document_tokens": "max_tokens_per_doc",
        },
    }


def _pair_tokens(body: VllmOptions) -> int | None:
    """The wanted length of a pair; -1 stands for the model's own."""
    pair = body.truncate_prompt_tokens
    if pair is not None and 0 <= pair < MIN_PAIR_TOKENS:
        raise InvalidField(
            f"{body.named('truncate_prompt_tokens')} is {pair}; the special tokens of a pair and both of its texts "
            f"need at least {MIN_PAIR_TOKENS}.",
            remedy="Send -1 for the model's own limit.",
        )
    return pair


class VllmBody(VllmOptions, DocumentsBody):
    """As Jina's, with vLLM's limits."""


class VllmDialect(VllmErrors[VllmBody]):
    """`documents` in, `results` of `{index, relevance_score, document}` out."""

    name = "vllm"
    title = "vLLM, rerank"
    routes = ("/rerank", "/v2/rerank")
    key_rules = (
        KeyRule(
            frozenset({"truncate_prompt_tokens", "truncation_side", "max_tokens_per_query", "use_activation"})
            | frozenset({"mm_processor_kwargs", "cache_salt"}),
            order=3,
        ),
    )
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": "What is Deep Learning?",
        "documents": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
        "truncate_prompt_tokens": -1,
    }
    error_object = "by_name"
    body = VllmBody
    answer = RESULTS_ANSWER

    @override
    def parse(self, body: VllmBody, context: RequestContext) -> Call:
        call = documents_call(body, **vllm_limits(body, context))
        return replace(call, return_documents=True, raw_scores=call.raw_scores or not body.use_activation)

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        return frame(ranked, object_name(ranked)) | {"results": with_documents(ranked, ranked_items(ranked))}


DIALECT = VllmDialect()
