"""The dialect of NVIDIA NIM: `passages` to `rankings` of raw logits."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from typing_extensions import override

from ...ranking.request import RankRequest
from ..call import Call, RequestContext
from ..dialect import Dialect
from ..error_form import Remedies, Statuses
from ..exchange import Ranked
from ..fields import Body, Choice, Documents, Model, QueryOrObject, TopN
from ..results import frame, ranked_items
from ..schema import framed, list_of, scored
from ..texts import query_pictures


class NimBody(Body):
    """`query` and `passages`; only `truncate` of NONE in so many words refuses a long passage."""

    query = QueryOrObject("The text to search for.")
    passages = Documents()
    model = Model()
    truncate: Choice[Literal["none", "end"]] = Choice(("NONE", "END"), "Whether a long passage is refused or cut.")
    top_n = TopN("Most results, as LiteLLM asks; NIM itself gives all.")
    top_k = TopN("As `top_n`, as RAGFlow asks.")


class NimDialect(Dialect[NimBody]):
    """`query` and `passages` as objects with `text` in, `rankings` of `{index, logit}` out."""

    name = "nim"
    title = "NVIDIA NIM"
    # The last one is where NVIDIA's hosted models answer; clients that append to a base address come here.
    routes = ("/v1/ranking", "/ranking", "/v1/retrieval/{name:path}/reranking")
    document_keys = ("passages",)
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "query": {"text": "What is Deep Learning?"},
        "passages": [{"text": "Deep Learning is a branch of machine learning."}, {"text": "Cheese is made of milk."}],
        "truncate": "END",
    }
    # NVIDIA's own service refuses a wrong key with 403.
    statuses = Statuses(too_long=400, wrong_key=403)
    remedies = Remedies(long_document='Shorten it, or send `truncate`: "END".')
    body = NimBody
    answer = framed({"rankings": list_of(scored("logit"))})

    @override
    def parse(self, body: NimBody, context: RequestContext) -> Call:
        top_k, top_n = body.top_k, body.top_n
        truncate = body.truncate
        may_cut = None if truncate is None else truncate == "end"
        return Call(
            request=RankRequest(
                query=body.query,
                documents=body.passages.texts,
                pictures=body.passages.pictures,
                query_pictures=query_pictures(body.values),
                long_documents=context.on_long_documents(may_cut=may_cut),
            ),
            top_n=top_k if body.has("top_k") else top_n,
            raw_scores=True,
        )

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        return frame(ranked) | {"rankings": ranked_items(ranked, "logit")}


DIALECT = NimDialect()
