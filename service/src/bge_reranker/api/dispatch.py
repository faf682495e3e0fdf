"""Which dialect a request speaks, settled once, in one order.

1. The prefix `/dialects/NAME/...` or the header `X-Rerank-Dialect`.
2. The listener's `defaultDialect`, for clients that can send neither.
3. The route, where it belongs to one family.
4. The key that holds the documents; among `documents`, the keys beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import AmbiguousDialect
from .dialect import Dialect
from .dialects.cohere_v1 import CohereV1Dialect
from .dialects.cohere_v2 import CohereV2Dialect
from .dialects.infinity import InfinityDialect
from .dialects.jina import JinaDialect
from .dialects.llamacpp import LlamaCppDialect
from .dialects.mixedbread import MixedbreadDialect
from .dialects.native import NativeDialect
from .dialects.nim import NimDialect
from .dialects.ovms import OvmsDialect
from .dialects.pinecone import PineconeDialect
from .dialects.sagemaker import SageMakerDialect
from .dialects.sglang import SglangDialect
from .dialects.tei import TeiDialect
from .dialects.tei_predict import TeiPredictDialect
from .dialects.tei_vertex import TeiVertexDialect
from .dialects.vllm import VllmDialect
from .dialects.vllm_score import VllmScoreDialect
from .dialects.voyage import VoyageDialect
from .dialects.weaviate import WeaviateDialect

DIALECT_HEADER: Final = "x-rerank-dialect"
"""Request header that names a dialect, for clients whose body does not."""

NATIVE: Final = NativeDialect()
"""What errors are said in where no dialect is known yet."""

DIALECTS: Final[Mapping[str, Dialect]] = {
    dialect.name: dialect
    for dialect in (
        NATIVE,
        TeiDialect(),
        TeiPredictDialect(),
        TeiVertexDialect(),
        CohereV1Dialect(),
        CohereV2Dialect(),
        JinaDialect(),
        VllmDialect(),
        VllmScoreDialect(),
        NimDialect(),
        VoyageDialect(),
        MixedbreadDialect(),
        WeaviateDialect(),
        OvmsDialect(),
        LlamaCppDialect(),
        InfinityDialect(),
        SglangDialect(),
        PineconeDialect(),
        SageMakerDialect(),
    )
}
"""Every dialect by name."""

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "cohere": ("cohere-v1", "cohere-v2"),
    "tei": ("tei", "tei-predict", "tei-vertex"),
    "vllm": ("vllm", "vllm-score"),
}
"""Names that stand for several dialects, of which the route takes one; the first where it takes none."""

_BY_KEYS: Final = tuple(DIALECTS)

ROUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "/rerank": _BY_KEYS,
    "/v1/rerank": _BY_KEYS,
    "/reranking": _BY_KEYS,
    "/v1/reranking": _BY_KEYS,
    "/": _BY_KEYS,
    "/invocations": _BY_KEYS,
    "/v2/rerank": ("cohere-v2", "vllm"),
    "/v3/rerank": ("ovms",),
    # What Cohere's client libraries make of the base address that ends in /v3.
    "/v3/v1/rerank": ("ovms",),
    "/v3/v2/rerank": ("ovms",),
    "/ranking": ("nim",),
    "/v1/ranking": ("nim",),
    "/score": ("vllm-score",),
    "/v1/score": ("vllm-score",),
    "/predict": ("tei-predict",),
    "/vertex": ("tei-vertex",),
}
"""Every path that ranks, with the dialects that it may speak; the first where the keys say nothing."""

HOSTED_NIM_ROUTE: Final = "/v1/retrieval/{name:path}/reranking"
"""Where NVIDIA's hosted models answer, as `/v1/ranking`; clients that append to a base address come here."""

DOCUMENT_KEYS: Final[Mapping[str, str]] = {
    "candidates": "native",
    "requests": "native",
    "texts": "tei",
    "passages": "nim",
    "input": "mixedbread",
    "documents": "jina",
    "text_pairs": "sagemaker",
    "inputs": "tei-predict",
}
"""The key that holds the documents, with its dialect."""


@dataclass(frozen=True, slots=True)
class KeyRule:
    """Keys that tell a dialect among those with `documents`; one that is null counts, since a client sent it."""

    dialect: str
    any_of: frozenset[str]
    none_of: frozenset[str] = frozenset()

    def fits(self, body: Mapping[str, Any]) -> bool:
        """Whether a body has one of the keys that tell, and none of those that deny."""
        return not self.any_of.isdisjoint(body) and self.none_of.isdisjoint(body)


KEY_RULES: Final = (
    KeyRule("weaviate", frozenset({"property"})),
    KeyRule("voyage", frozenset({"truncation"})),
    KeyRule("voyage", frozenset({"top_k"}), none_of=frozenset({"top_n"})),
    KeyRule(
        "vllm",
        frozenset({"truncate_prompt_tokens", "truncation_side", "max_tokens_per_query", "use_activation"})
        | frozenset({"mm_processor_kwargs", "cache_salt"}),
    ),
    KeyRule("cohere-v1", frozenset({"max_chunks_per_doc", "rank_fields"})),
)
"""Tried in this order; Jina's dialect is spoken where none fits."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The dialects that a request may speak before its body is known."""

    names: tuple[str, ...]

    by_name: bool
    """Whether the request, or a setting, named the family."""

    @property
    def presumed(self) -> Dialect:
        """The words for an error that comes before the body is known."""
        return DIALECTS[self.names[0]]

    def settle(self, body: Mapping[str, Any]) -> Dialect:
        """Take the one dialect that a body speaks.

        Raises:
            AmbiguousDialect: If nothing but the body could tell, and it does not.
        """
        if len(self.names) == 1:
            return DIALECTS[self.names[0]]
        if self.names == _BY_KEYS:
            return DIALECTS[_dialect_of_keys(body)]
        fitting = next((rule.dialect for rule in KEY_RULES if rule.fits(body)), None)
        return DIALECTS[fitting if fitting in self.names else self.names[0]]


def candidates(route: str, asked: str | None) -> Candidates:
    """The dialects that a request may speak, from what is known before its body.

    Args:
        route: Its path, without a dialect's prefix; one of `ROUTES`.
        asked: Name of a dialect or family, from prefix, header or setting.

    Raises:
        AmbiguousDialect: If the name is none of ours.
    """
    if asked is None:
        return Candidates(ROUTES[route], by_name=False)
    members = members_of(asked)
    if not members:
        raise AmbiguousDialect("X-Rerank-Dialect names no known dialect.", remedy=f"Known: {known_names()}.")
    on_route = tuple(name for name in members if name in ROUTES[route] and ROUTES[route] != _BY_KEYS)
    return Candidates((on_route or members)[:1], by_name=True)


def members_of(name: str) -> tuple[str, ...]:
    """The dialects behind a name; none where it is unknown."""
    name = name.strip().lower()
    return FAMILIES.get(name) or ((name,) if name in DIALECTS else ())


def known_names() -> str:
    """Every name that prefix and header understand."""
    return ", ".join(sorted({*DIALECTS, *FAMILIES}))


def _dialect_of_keys(body: Mapping[str, Any]) -> str:
    keys = [key for key in DOCUMENT_KEYS if body.get(key) is not None]
    choices = ", ".join(f"`{key}`" for key in DOCUMENT_KEYS)
    if not keys:
        raise AmbiguousDialect("The body holds no documents.", remedy=f"Send `query` and one of: {choices}.")
    if len(keys) > 1:
        found = " and ".join(f"`{key}`" for key in keys)
        raise AmbiguousDialect(f"The body holds {found}; send one of them only.", remedy=f"Choices: {choices}.")
    if keys == ["documents"]:
        return next((rule.dialect for rule in KEY_RULES if rule.fits(body)), "jina")
    return DOCUMENT_KEYS[keys[0]]


def is_infinity_client(route: str, body: Mapping[str, Any]) -> bool:
    """Whether a body on Jina's terms comes from infinity's own client library, which always sends both keys."""
    return route == "/rerank" and {"documents", "raw_scores", "return_documents"} <= body.keys()
