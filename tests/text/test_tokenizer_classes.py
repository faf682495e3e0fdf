"""Which class stands for a tokenizer, compared with transformers' own tables."""

from __future__ import annotations

import pytest
import transformers
from transformers.models.auto import modeling_auto, tokenization_auto

from bge_reranker.model.checkpoint.acceptance import GENERATIVE_MODEL_TYPES
from bge_reranker.text.tokenizer_classes import (
    BERT,
    BUILT_CLASSES,
    GENERIC_MODEL_TYPES,
    MODEL_TYPE_CLASSES,
    ROBERTA,
    XLM_ROBERTA,
    tokenizer_class,
)

BASES = {name: getattr(transformers, name) for name in (BERT, ROBERTA, XLM_ROBERTA)}
CLASSIFIERS = modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
ENCODERS = sorted(set(CLASSIFIERS) - GENERATIVE_MODEL_TYPES)
NAMED = {name for name in tokenization_auto.TOKENIZER_MAPPING_NAMES.values() if name}


def built_by(name: str | None) -> str | None:
    """The one of the three classes that a class is, in transformers."""
    found = tokenization_auto.tokenizer_class_from_name(name) if name else None
    return next((base for base, kind in BASES.items() if isinstance(found, type) and issubclass(found, kind)), None)


@pytest.mark.parametrize("name", sorted(NAMED | set(BUILT_CLASSES)))
def test_a_class_is_built_as_in_transformers(name: str) -> None:
    assert BUILT_CLASSES.get(name.removesuffix("Fast")) == built_by(name)


@pytest.mark.parametrize("model_type", ENCODERS)
def test_a_model_type_stands_for_the_class_that_it_has_in_transformers(model_type: str) -> None:
    registered = tokenization_auto.TOKENIZER_MAPPING_NAMES.get(model_type)
    assert (registered == "TokenizersBackend") == (model_type in GENERIC_MODEL_TYPES)
    assert BUILT_CLASSES.get(tokenizer_class(None, model_type) or "") == built_by(registered)
    if model_type in MODEL_TYPE_CLASSES:
        assert MODEL_TYPE_CLASSES[model_type] == registered


@pytest.mark.parametrize(
    ("named", "model_type", "expected"),
    [
        ("BertTokenizerFast", "xlm-roberta", BERT),
        ("PreTrainedTokenizerFast", "bert", None),
        ("BertTokenizer", "modernbert", None),
        ("XLMRobertaTokenizer", "xlm-roberta-xl", None),
        (None, "xlm-roberta", XLM_ROBERTA),
        (None, None, None),
    ],
)
def test_a_named_class_counts_unless_the_model_type_takes_the_file_as_it_is(
    named: str | None, model_type: str | None, expected: str | None
) -> None:
    assert tokenizer_class(named, model_type) == expected
