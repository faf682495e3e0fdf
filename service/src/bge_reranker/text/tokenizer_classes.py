"""The class of transformers that stands for a checkpoint's tokenizer, found without transformers.

Source: `models/auto/tokenization_auto.py` of transformers 5.23.
"""

from __future__ import annotations

from collections.abc import Mapping

GENERIC_CLASSES = frozenset({"PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend", "PythonBackend"})
"""Classes that take tokenizer.json as it is."""

GENERIC_MODEL_TYPES = frozenset({"modernbert", "nystromformer", "xlm-roberta-xl"})
"""Values of `model_type` for which transformers takes tokenizer.json as it is, whatever class is named."""

BERT = "BertTokenizer"
ROBERTA = "RobertaTokenizer"
XLM_ROBERTA = "XLMRobertaTokenizer"

_SAME_CLASSES: Mapping[str, tuple[str, ...]] = {
    BERT: (
        *("ConvBertTokenizer", "DistilBertTokenizer", "DPRContextEncoderTokenizer", "DPRQuestionEncoderTokenizer"),
        *("DPRReaderTokenizer", "ElectraTokenizer", "LayoutLMTokenizer", "LxmertTokenizer", "MobileBertTokenizer"),
        "SqueezeBertTokenizer",
    ),
    ROBERTA: ("BartTokenizer", "LEDTokenizer", "LongformerTokenizer", "MvpTokenizer"),
    XLM_ROBERTA: (),
}

BUILT_CLASSES: Mapping[str, str] = {name: built for built, others in _SAME_CLASSES.items() for name in (built, *others)}
"""Names of classes that build their tokenizer anew, each with the one of the three that does the building."""

MODEL_TYPE_CLASSES: Mapping[str, str] = {
    **dict.fromkeys(
        "bert convbert distilbert electra ernie layoutlm megatron-bert nomic_bert squeezebert".split(), BERT
    ),
    **dict.fromkeys("data2vec-text ibert lilt longformer mra roberta roberta-prelayernorm".split(), ROBERTA),
    **dict.fromkeys("gte jina_embeddings_v3 xlm-roberta xmod".split(), XLM_ROBERTA),
    **dict.fromkeys(("albert", "yoso"), "AlbertTokenizer"),
    "deberta-v2": "DebertaV2Tokenizer",
    "fnet": "FNetTokenizer",
    "mobilebert": "MobileBertTokenizer",
    "rembert": "RemBertTokenizer",
    "xlnet": "XLNetTokenizer",
}
"""Classes that a `model_type` stands for where no class is named, as far as one of them matters here."""


def tokenizer_class(named: str | None, model_type: str | None) -> str | None:
    """Find the class that transformers would take.

    Args:
        named: `tokenizer_class` of tokenizer_config.json or config.json.
        model_type: As config.json has it.

    Returns:
        The class's name without the ending `Fast`, or None where it takes tokenizer.json as it is or is unknown here.
    """
    if model_type in GENERIC_MODEL_TYPES or named in GENERIC_CLASSES:
        return None
    return named.removesuffix("Fast") if named else MODEL_TYPE_CLASSES.get(model_type or "")
