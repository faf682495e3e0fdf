"""vLLM's dialect of `/score`: pairs, one text against many or many against as many.

Source: vllm/entrypoints/pooling/scoring/{protocol,serving}.py of vLLM.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from typing_extensions import override

from ...errors import EmptyField, InvalidField
from ...errors.printable import counted
from ...ranking.request import RankRequest
from ..call import Call, RequestContext
from ..exchange import Ranked
from ..fields import Model, TextOrTexts
from ..results import frame, shown_scores
from ..schema import INDEX, NUMBER, QUERY, TEXT, fields_of, framed, list_of
from .vllm import VllmErrors, VllmOptions, vllm_limits

_QUERIES: Final = {"anyOf": [QUERY, list_of(QUERY) | {"minItems": 1}]}


class VllmScoreBody(VllmOptions):
    """Both sides of the pairs, whose names vLLM changed again and again."""

    forms = (("text_1", "text_2"), ("queries", "documents"), ("queries", "items"), ("data_1", "data_2"))

    text_1 = TextOrTexts(shown=_QUERIES)
    text_2 = TextOrTexts()
    queries = TextOrTexts(shown=_QUERIES)
    documents = TextOrTexts()
    items = TextOrTexts()
    data_1 = TextOrTexts(shown=_QUERIES)
    data_2 = TextOrTexts()
    model = Model()

    def sides(self) -> tuple[str, str]:
        """The names of both sides: the pair of which most is there."""
        left, right = max(self.forms, key=lambda names: sum(map(self.has, names)))
        return left, right

    def texts(self, side: str) -> list[str]:
        """The texts of one side."""
        texts: list[str] = getattr(self, side)
        return texts


class VllmScoreDialect(VllmErrors[VllmScoreBody]):
    """`text_1` and `text_2` in, `data` of `{index, score}` in input order out."""

    name = "vllm-score"
    title = "vLLM, score"
    # No client with a text under `error` calls them.
    routes = ("/score", "/v1/score")
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "text_1": "What is Deep Learning?",
        "text_2": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
    }
    error_object = "always"
    body = VllmScoreBody
    answer = framed({"data": list_of(fields_of({"index": INDEX, "object": TEXT, "score": NUMBER}))})

    @override
    def parse(self, body: VllmScoreBody, context: RequestContext) -> Call:
        left, right = body.sides()
        queries, documents = body.texts(left), body.texts(right)
        if not all(queries):
            raise EmptyField(f"`{left}` holds an empty text.", remedy="Send at least one character.")
        if len(queries) not in {1, len(documents)}:
            raise InvalidField(
                f"`{left}` holds {counted(len(queries), 'text')} and `{right}` {len(documents)}.",
                remedy="Send one text against many, or as many of both.",
            )
        paired = None if len(queries) == 1 else queries
        return Call(
            request=RankRequest(queries[0], documents, queries=paired, **vllm_limits(body, context)),
            raw_scores=not body.use_activation,
        )

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        # A pair without a score is left out, its neighbours keep their indices.
        data = [
            {"index": index, "object": "score", "score": score}
            for index, score in enumerate(shown_scores(ranked))
            if index not in ranked.ranking.errors
        ]
        return frame(ranked) | {"data": data}


DIALECT = VllmScoreDialect()
