"""Pairs of texts to scores with a label: TEI's `/predict`, and text classification as transformers has it.

TEI's pairs are lists of two texts. Hugging Face's endpoints and SageMaker's containers take transformers' own form, an
object with `text` and `text_pair`, and answer each as the pipeline does.

Source: router/src/http/{types,server}.rs of text-embeddings-inference 1.9.3; pipelines/text_classification.py of
transformers.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal, NamedTuple

from typing_extensions import override

from ...errors import InvalidField
from ...ranking.request import RankRequest
from ..call import Call, RequestContext
from ..exchange import Ranked
from ..fields import Anything, Body, Choice, Listed, Nested, OptionalFlag
from ..results import every_score
from ..schema import NUMBER, PAIR, TEXT, WHOLE, Schema, fields_of, list_of
from ..texts import named_pair_of, pair_of
from .tei import TeiErrors, TeiOptions, tei_limits

LABEL_NAME = "LABEL_0"
"""Name of the one label, as transformers calls it where a checkpoint does not."""

_PREDICTION: Final[Schema] = fields_of({"score": NUMBER, "label": TEXT})
_PREDICTIONS: Final[Schema] = list_of(_PREDICTION)
_NAMED_PAIR: Final[Schema] = fields_of({"text": {"type": "string", "minLength": 1}, "text_pair": TEXT})


class _Inputs(NamedTuple):
    """Pairs, and the form in which they came."""

    pairs: list[tuple[str, str]]
    is_batch: bool
    is_named: bool


class _InputsField(Listed[_Inputs]):
    """One pair or a list of pairs, each a list of two texts or an object with both under transformers' names."""

    @override
    def read(self, body: Body, value: Any) -> _Inputs:
        if isinstance(value, str):
            raise InvalidField("`inputs` is one text; a reranker scores pairs.", remedy="Send [query, document].")
        is_batch = isinstance(value, list) and not (value and isinstance(value[0], str))
        is_named = isinstance(value[0] if is_batch and value else value, dict)
        listed = self.items(body, value) if isinstance(value, list) or value is None else value
        named = [(f"inputs[{i}]", item) for i, item in enumerate(listed)] if is_batch else [("inputs", listed)]
        read = named_pair_of if is_named else pair_of
        return _Inputs([read(name, item) for name, item in named], is_batch, is_named)

    @override
    def schema(self) -> Schema:
        forms = (PAIR, list_of(PAIR) | {"minItems": 1}, _NAMED_PAIR, list_of(_NAMED_PAIR) | {"minItems": 1})
        return {"anyOf": list(forms)}


class PipelineParameters(Body):
    """Arguments of transformers' pipeline, as far as they change a score or its place."""

    # Its softmax of one label is 1 for every pair.
    function_to_apply: Choice[Literal["sigmoid", "none", "default"]] = Choice(
        ("sigmoid", "none", "default"), "What is made of a logit."
    )
    top_k = Anything("Whether each score comes in a list of its own.", shown=WHOLE)
    truncation = OptionalFlag("Whether a pair that does not fit is cut or refused.")


class TeiPredictBody(TeiOptions):
    """Pairs, and the options of TEI and of the pipeline."""

    inputs = _InputsField()
    parameters = Nested(PipelineParameters)


class TeiPredictDialect(TeiErrors[TeiPredictBody]):
    """`inputs`, one pair or a list of pairs, in; `score` with `label` out, in the shape of the pairs."""

    name = "tei-predict"
    title = "text-embeddings-inference, predict; Hugging Face, text classification"
    routes = ("/predict",)
    document_keys = ("inputs",)
    example: ClassVar[dict[str, Any]] = {
        "inputs": [
            ["What is Deep Learning?", "Deep Learning is a branch of machine learning."],
            ["What is Deep Learning?", "Cheese is made of milk."],
        ]
    }
    body = TeiPredictBody
    answer: ClassVar[Schema] = {"anyOf": [_PREDICTION, _PREDICTIONS, list_of(_PREDICTIONS)]}

    @override
    def parse(self, body: TeiPredictBody, context: RequestContext) -> Call:
        inputs, parameters = body.inputs, body.parameters
        queries, documents = [query for query, _ in inputs.pairs], [document for _, document in inputs.pairs]
        limits = tei_limits(body, context)
        is_raw, has_top_k = False, False
        if parameters is not None:
            if parameters.has("truncation"):
                limits["long_documents"] = context.on_long_documents(may_cut=parameters.truncation)
            is_raw, has_top_k = parameters.function_to_apply == "none", parameters.has("top_k")
        return Call(
            request=RankRequest(queries[0], documents, queries=queries, **limits),
            raw_scores=is_raw or body.raw_scores,
            is_batch=inputs.is_batch,
            # TEI gives each pair a list of labels, and so does the pipeline once it is asked for a number of them.
            is_nested=not inputs.is_named or has_top_k,
        )

    @override
    def render(self, ranked: Ranked) -> Any:
        call = ranked.call
        predictions: list[Any] = [{"score": score, "label": LABEL_NAME} for score in every_score(ranked)]
        if call.is_nested:
            predictions = [[prediction] for prediction in predictions]
        return predictions if call.is_batch else predictions[0]


DIALECT = TeiPredictDialect()
