"""The dialect of cross-encoders behind Amazon SageMaker, as LangChain sends it: `text_pairs` to `scores`."""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from ...ranking.request import RankRequest
from ..call import Call, RequestContext
from ..dialect import Dialect
from ..error_form import Statuses
from ..exchange import Ranked
from ..fields import Body, Model, Pairs
from ..results import every_score, frame
from ..schema import NUMBER, framed, list_of


class SageMakerBody(Body):
    """Pairs of query and document."""

    text_pairs = Pairs()
    model = Model()


class SageMakerDialect(Dialect[SageMakerBody]):
    """`text_pairs` in, `scores` in input order out."""

    name = "sagemaker"
    title = "SageMaker cross-encoder"
    routes = ("/invocations",)
    document_keys = ("text_pairs",)
    example: ClassVar[dict[str, Any]] = {
        "text_pairs": [
            ["What is Deep Learning?", "Deep Learning is a branch of machine learning."],
            ["What is Deep Learning?", "Cheese is made of milk."],
        ]
    }
    # Amazon's own service refuses a wrong key with 403.
    statuses = Statuses(empty=400, too_many=400, too_long=400, bad_type=400, bad_json=400, wrong_key=403)
    body = SageMakerBody
    answer = framed({"scores": list_of(NUMBER)})

    @override
    def parse(self, body: SageMakerBody, context: RequestContext) -> Call:
        pairs = body.text_pairs
        queries, documents = [query for query, _ in pairs], [document for _, document in pairs]
        return Call(request=RankRequest(queries[0], documents, queries=queries))

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        return frame(ranked) | {"scores": list(every_score(ranked))}


DIALECT = SageMakerDialect()
