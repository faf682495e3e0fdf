"""TEI's `/predict`: pairs of texts to scores with a label.

Source: router/src/http/{types,server}.rs of text-embeddings-inference 1.9.3.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...errors import InvalidField
from ...ranking.request import RankRequest
from ..dialect import Call, Place, Reply, every_score
from ..fields import Fields
from ..schema import NUMBER, PAIR, TEXT, Schema, fields_of, list_of
from ..texts import pair_of
from .tei import TEI_OPTIONS, tei_limits

LABEL_NAME = "LABEL_0"
"""Name of the one label, as transformers calls it where a checkpoint does not."""

_PREDICTION: Schema = list_of(fields_of({"score": NUMBER, "label": TEXT}))


class TeiPredictDialect:
    """`inputs`, one pair or a list of pairs, in; `[{score, label}]`, or a list of such lists, out."""

    name: ClassVar[str] = "tei-predict"
    title: ClassVar[str] = "text-embeddings-inference, predict"
    route: ClassVar[str] = "/predict"
    example: ClassVar[dict[str, Any]] = {
        "inputs": [
            ["What is Deep Learning?", "Deep Learning is a branch of machine learning."],
            ["What is Deep Learning?", "Cheese is made of milk."],
        ]
    }
    body: ClassVar[Schema] = fields_of(
        {"inputs": {"anyOf": [PAIR, {"type": "array", "items": PAIR, "minItems": 1}]}}, TEI_OPTIONS
    )
    answer: ClassVar[Schema] = {"anyOf": [_PREDICTION, list_of(_PREDICTION)]}

    def parse(self, fields: Fields, place: Place) -> Call:
        """Read `inputs` and TEI's options."""
        inputs = fields.value("inputs")
        if isinstance(inputs, str):
            raise InvalidField("`inputs` is one text; a reranker scores pairs.", remedy="Send [query, document].")
        listed = fields.listed("inputs")
        is_batch = not isinstance(listed[0], str)
        named = [(f"inputs[{i}]", item) for i, item in enumerate(listed)] if is_batch else [("inputs", listed)]
        pairs = [pair_of(name, item) for name, item in named]
        queries, documents = [query for query, _ in pairs], [document for _, document in pairs]
        return Call(
            request=RankRequest(queries[0], documents, queries=queries, **tei_limits(fields, place)),
            raw_scores=fields.boolean("raw_scores", default=False),
            is_batch=is_batch,
        )

    def render(self, reply: Reply) -> list[Any]:
        """Scores in input order."""
        predictions = [[{"score": score, "label": LABEL_NAME}] for score in every_score(reply)]
        return predictions if reply.call.is_batch else predictions[0]
