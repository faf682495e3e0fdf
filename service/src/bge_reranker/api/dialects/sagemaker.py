"""The dialect of cross-encoders behind Amazon SageMaker, as LangChain sends it: `text_pairs` to `scores`."""

from __future__ import annotations

from typing import Any, ClassVar

from ...ranking.request import RankRequest
from ..dialect import Call, Reply, RequestContext, every_score
from ..fields import Fields
from ..schema import NUMBER, PAIR, Schema, fields_of, framed, list_of
from ..texts import pair_of
from .results import frame


class SageMakerDialect:
    """`text_pairs` in, `scores` in input order out."""

    name: ClassVar[str] = "sagemaker"
    title: ClassVar[str] = "SageMaker cross-encoder"
    route: ClassVar[str] = "/invocations"
    example: ClassVar[dict[str, Any]] = {
        "text_pairs": [["What is Deep Learning?", "Deep Learning is a branch of machine learning."]]
    }
    body: ClassVar[Schema] = fields_of({"text_pairs": {"type": "array", "items": PAIR, "minItems": 1}})
    answer: ClassVar[Schema] = framed({"scores": list_of(NUMBER)})

    def parse(self, fields: Fields, _context: RequestContext) -> Call:
        """Read `text_pairs`."""
        pairs = [pair_of(f"text_pairs[{index}]", item) for index, item in enumerate(fields.listed("text_pairs"))]
        queries, documents = [query for query, _ in pairs], [document for _, document in pairs]
        return Call(request=RankRequest(queries[0], documents, queries=queries))

    def render(self, reply: Reply) -> dict[str, Any]:
        """Scores in input order."""
        return frame(reply) | {"scores": list(every_score(reply))}
