"""The dialect of NVIDIA NIM: `passages` to `rankings` of raw logits."""

from __future__ import annotations

from typing import Any, ClassVar

from ...ranking.request import RankRequest
from ..dialect import Call, Reply, RequestContext
from ..fields import Fields
from ..schema import LABEL, QUERY_OR_OBJECT, TEXTS_OR_OBJECTS, WHOLE, Schema, fields_of, framed, list_of, scored, words
from .results import frame, ranked_items


class NimDialect:
    """`query` and `passages` as objects with `text` in, `rankings` of `{index, logit}` out."""

    name: ClassVar[str] = "nim"
    title: ClassVar[str] = "NVIDIA NIM"
    route: ClassVar[str] = "/v1/ranking"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": {"text": "What is Deep Learning?"},
        "passages": [{"text": "Deep Learning is a branch of machine learning."}, {"text": "Cheese is made of milk."}],
        "truncate": "END",
    }
    body: ClassVar[Schema] = fields_of(
        {"query": QUERY_OR_OBJECT, "passages": TEXTS_OR_OBJECTS},
        {"model": LABEL, "truncate": words("NONE", "END"), "top_n": WHOLE, "top_k": WHOLE},
    )
    answer: ClassVar[Schema] = framed({"rankings": list_of(scored("logit"))})

    def parse(self, fields: Fields, context: RequestContext) -> Call:
        """Read `query`, `passages`, `truncate` and `model`; only `NONE` in so many words refuses a long passage."""
        # NIM itself gives all; RAGFlow sends the one key and LiteLLM the other, and both mean it.
        top_k, top_n = fields.top_n("top_k"), fields.top_n()
        may_cut = {"none": False, "end": True}.get(fields.choice("truncate", ("NONE", "END")) or "")
        return Call(
            request=RankRequest(
                query=fields.query(object_too=True),
                documents=fields.documents("passages", objects_too=True),
                long_documents=context.on_long_documents(may_cut=may_cut),
            ),
            top_n=top_k if fields.has("top_k") else top_n,
            raw_scores=True,
        )

    def render(self, reply: Reply) -> dict[str, Any]:
        """Rankings best first, as logits."""
        return frame(reply) | {"rankings": ranked_items(reply, "logit")}
