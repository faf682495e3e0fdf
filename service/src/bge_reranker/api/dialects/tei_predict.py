"""Pairs of texts to scores with a label: TEI's `/predict`, and text classification as transformers has it.

TEI's pairs are lists of two texts. Hugging Face's endpoints and SageMaker's containers take transformers' own form, an
object with `text` and `text_pair`, and answer each as the pipeline does.

Source: router/src/http/{types,server}.rs of text-embeddings-inference 1.9.3; pipelines/text_classification.py of
transformers.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from ...errors import InvalidField
from ...ranking.request import RankRequest
from ..dialect import Call, Reply, RequestContext, every_score
from ..fields import Fields
from ..schema import FLAG, NUMBER, PAIR, TEXT, Schema, fields_of, list_of, optional, words
from ..texts import named_pair_of, pair_of
from .tei import TEI_OPTIONS, tei_limits

LABEL_NAME = "LABEL_0"
"""Name of the one label, as transformers calls it where a checkpoint does not."""

_FUNCTIONS: Final = ("sigmoid", "none", "default")
"""What the pipeline may make of a logit; its softmax of one label is 1 for every pair."""

_PREDICTION: Final[Schema] = fields_of({"score": NUMBER, "label": TEXT})
_PREDICTIONS: Final[Schema] = list_of(_PREDICTION)
_NAMED_PAIR: Final[Schema] = fields_of({"text": {"type": "string", "minLength": 1}, "text_pair": TEXT})
_PARAMETERS: Final[Schema] = optional(
    fields_of(
        {},
        {
            "function_to_apply": words(*_FUNCTIONS),
            "top_k": optional({"type": "integer"}),
            "truncation": FLAG,
        },
    )
)
"""Arguments of transformers' pipeline, as far as they change a score or its place."""


class TeiPredictDialect:
    """`inputs`, one pair or a list of pairs, in; `score` with `label` out, in the shape of the pairs."""

    name: ClassVar[str] = "tei-predict"
    title: ClassVar[str] = "text-embeddings-inference, predict; Hugging Face, text classification"
    route: ClassVar[str] = "/predict"
    example: ClassVar[dict[str, Any]] = {
        "inputs": [
            ["What is Deep Learning?", "Deep Learning is a branch of machine learning."],
            ["What is Deep Learning?", "Cheese is made of milk."],
        ]
    }
    body: ClassVar[Schema] = fields_of(
        {
            "inputs": {
                "anyOf": [
                    PAIR,
                    {"type": "array", "items": PAIR, "minItems": 1},
                    _NAMED_PAIR,
                    {"type": "array", "items": _NAMED_PAIR, "minItems": 1},
                ]
            }
        },
        {**TEI_OPTIONS, "parameters": _PARAMETERS},
    )
    answer: ClassVar[Schema] = {"anyOf": [_PREDICTION, _PREDICTIONS, list_of(_PREDICTIONS)]}

    def parse(self, fields: Fields, context: RequestContext) -> Call:
        """Read `inputs` in either form, TEI's options and the pipeline's."""
        inputs = fields.value("inputs")
        if isinstance(inputs, str):
            raise InvalidField("`inputs` is one text; a reranker scores pairs.", remedy="Send [query, document].")
        is_batch = isinstance(inputs, list) and not (inputs and isinstance(inputs[0], str))
        is_named = isinstance(inputs[0] if is_batch and inputs else inputs, dict)
        listed = fields.listed("inputs") if isinstance(inputs, list) or inputs is None else inputs
        named = [(f"inputs[{i}]", item) for i, item in enumerate(listed)] if is_batch else [("inputs", listed)]
        read = named_pair_of if is_named else pair_of
        pairs = [read(name, item) for name, item in named]
        queries, documents = [query for query, _ in pairs], [document for _, document in pairs]
        options = fields.part("parameters", fields.value("parameters") if fields.has("parameters") else {})
        limits = tei_limits(fields, context)
        if options.has("truncation"):
            limits["long_documents"] = context.on_long_documents(may_cut=options.flag("truncation"))
        is_raw = options.choice("function_to_apply", _FUNCTIONS) == "none"
        return Call(
            request=RankRequest(queries[0], documents, queries=queries, **limits),
            raw_scores=is_raw or fields.boolean("raw_scores", default=False),
            is_batch=is_batch,
            # TEI gives each pair a list of labels, and so does the pipeline once it is asked for a number of them.
            is_nested=not is_named or options.has("top_k"),
        )

    def render(self, reply: Reply) -> Any:
        """Scores in input order."""
        call = reply.call
        predictions: list[Any] = [{"score": score, "label": LABEL_NAME} for score in every_score(reply)]
        if call.is_nested:
            predictions = [[prediction] for prediction in predictions]
        return predictions if call.is_batch else predictions[0]
