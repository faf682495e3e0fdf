"""vLLM's dialect of `/score`: pairs, one text against many or many against as many.

Source: vllm/entrypoints/pooling/scoring/{protocol,serving}.py of vLLM.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...errors import EmptyField, InvalidField
from ...errors.printable import counted
from ...ranking.request import RankRequest
from ..dialect import Call, Reply, RequestContext, shown_scores
from ..fields import Fields
from ..schema import INDEX, LABEL, NUMBER, QUERY, TEXT, TEXTS, Schema, fields_of, framed, list_of
from .results import frame
from .vllm import VLLM_LIMITS, vllm_limits

_NAMES = (("text_1", "text_2"), ("queries", "documents"), ("queries", "items"), ("data_1", "data_2"))
"""Names of both sides; vLLM renamed them again and again."""

_QUERIES: Schema = {"anyOf": [QUERY, {"type": "array", "items": QUERY, "minItems": 1}]}
_DOCUMENTS: Schema = {"anyOf": [TEXT, TEXTS]}


class VllmScoreDialect:
    """`text_1` and `text_2` in, `data` of `{index, score}` in input order out."""

    name: ClassVar[str] = "vllm-score"
    title: ClassVar[str] = "vLLM, score"
    route: ClassVar[str] = "/score"
    example: ClassVar[dict[str, Any]] = {
        "model": "bge-reranker-large",
        "text_1": "What is Deep Learning?",
        "text_2": ["Deep Learning is a branch of machine learning.", "Cheese is made of milk."],
    }
    body: ClassVar[Schema] = {
        "anyOf": [fields_of({left: _QUERIES, right: _DOCUMENTS}) for left, right in _NAMES],
        "type": "object",
        "properties": {"model": LABEL, **VLLM_LIMITS},
    }
    answer: ClassVar[Schema] = framed({"data": list_of(fields_of({"index": INDEX, "object": TEXT, "score": NUMBER}))})

    def parse(self, fields: Fields, context: RequestContext) -> Call:
        """Read both sides under any of their names, and vLLM's limits."""
        left, right = max(_NAMES, key=lambda names: sum(map(fields.has, names)))
        queries = _listed(fields.text_or_texts(left))
        documents = _listed(fields.text_or_texts(right))
        if not all(queries):
            raise EmptyField(f"`{left}` holds an empty text.", remedy="Send at least one character.")
        if len(queries) not in {1, len(documents)}:
            raise InvalidField(
                f"`{left}` holds {counted(len(queries), 'text')} and `{right}` {len(documents)}.",
                remedy="Send one text against many, or as many of both.",
            )
        paired = None if len(queries) == 1 else queries
        return Call(
            request=RankRequest(queries[0], documents, queries=paired, **vllm_limits(fields, context)),
            raw_scores=not fields.boolean("use_activation", default=True),
        )

    def render(self, reply: Reply) -> dict[str, Any]:
        """Scores in input order; a pair without one is left out, its neighbours keep their indices."""
        data = [
            {"index": index, "object": "score", "score": score}
            for index, score in enumerate(shown_scores(reply))
            if index not in reply.ranking.errors
        ]
        return frame(reply) | {"data": data}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
