"""Which architectures are served at all, by config.json alone."""

from __future__ import annotations

from collections.abc import Mapping

from ...checkpoint_files import CONFIG_FILE
from ...checkpoint_json import USE_PUBLISHED
from ...errors import CorruptFile, MissingHead, WrongArchitecture
from ..families.dual import DUAL_ARCHITECTURES, dual_architecture
from ..families.registry import FAMILIES
from .int8 import QUANTISATION_METHOD

GENERATIVE_ENDINGS = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel", "ForSeq2SeqLM")
"""Endings of class names that write text instead of scoring it."""

GENERATIVE_MODEL_TYPES = frozenset(
    "arcee axk1 axk2 bart bigbird_pegasus biogpt bloom cohere cohere_compass_text ctrl deepseek_v2 deepseek_v3 "
    "diffllama doge exaone4 falcon gemma gemma2 gemma3 gemma3_text glm glm4 gpt-sw3 gpt2 gpt_bigcode gpt_neo gpt_neox "
    "gpt_oss gptj helium hunyuan_v1_dense hunyuan_v1_moe jamba jetmoe llama mbart minicpm minicpm3 minimax ministral "
    "ministral3 mistral mistral4 mixtral modernbert-decoder mpt mt5 mvp nemotron olmo olmo2 olmo3 openai-gpt opt "
    "persimmon phi phi3 phimoe plbart qwen2 qwen2_moe qwen3 qwen3_5 qwen3_5_text qwen3_moe qwen3_next seed_oss "
    "smollm3 stablelm starcoder2 t5 t5gemma t5gemma2 umt5 zamba zamba2".split()
)
"""Values of model_type whose pairs are prompts: scoring them as a cross-encoder would be silently wrong. A test
compares them with those that transformers classifies sequences with."""

HEADLESS_ENDINGS = ("Model", "ForMaskedLM", "ForPreTraining")
"""Endings of class names of encoders that were never given a classification head."""

SEQUENCE_ENDING = "ForSequenceClassification"

DEFAULT_LABELS = 2
"""What transformers assumes where config.json gives neither num_labels nor id2label."""

HEAD_REMEDY = "Serve a checkpoint fine-tuned as a cross-encoder, for example BAAI/bge-reranker-large."


def accepted_architecture(config: Mapping[str, object]) -> str:
    """Name the architecture that config.json claims, if it is of a sequence classifier with one logit.

    Raises:
        WrongArchitecture: If it is none, or needs code from the checkpoint.
        MissingHead: If it is an encoder without a classification head.
        CorruptFile: If model_type is no name.
    """
    if config.get("auto_map"):
        raise WrongArchitecture(
            f"{CONFIG_FILE}: auto_map asks for code from the checkpoint ({config['auto_map']}), which is never run.",
            remedy="Serve a checkpoint whose architecture transformers itself knows.",
        )
    model_type = config.get("model_type")
    if (dual := dual_architecture(config)) is not None:
        _refuse_other_dual(dual, model_type)
        _refuse_quantised(config)
        return dual
    names = config.get("architectures")
    if not isinstance(names, list) or len(names) != 1 or not isinstance(names[0], str):
        raise WrongArchitecture(
            f"{CONFIG_FILE}: architectures is {names!r}; expected one name ending in {SEQUENCE_ENDING}.",
            remedy="Save the model again with save_pretrained of its classification class, which writes the field.",
        )
    if not isinstance(model_type, str):
        raise CorruptFile(f"{CONFIG_FILE}: model_type is {model_type!r}; expected a name.", remedy=USE_PUBLISHED)
    _refuse_other_pictures(names[0], config)
    _refuse_generative(names[0], config)
    _refuse_other_heads(names[0])
    _refuse_labels(names[0], config)
    for family in FAMILIES.values():
        if family.model_type == model_type:
            family.refuse(config)
    _refuse_quantised(config)
    return names[0]


def _refuse_other_dual(architecture: str, model_type: object) -> None:
    if model_type != DUAL_ARCHITECTURES[architecture]:
        raise CorruptFile(
            f"{CONFIG_FILE}: model_type is {model_type!r}; expected {DUAL_ARCHITECTURES[architecture]!r} beside "
            f"{architecture}.",
            remedy=USE_PUBLISHED,
        )


def _refuse_other_pictures(architecture: str, config: Mapping[str, object]) -> None:
    if "vision_config" in config:
        raise WrongArchitecture(
            f"{CONFIG_FILE}: {architecture} is a model of pictures that is not served; expected one of "
            f"{', '.join(DUAL_ARCHITECTURES)}.",
            remedy="Serve a checkpoint of one of these, for example google/siglip-base-patch16-224.",
        )


def _refuse_generative(architecture: str, config: Mapping[str, object]) -> None:
    remedy = f"Serve a cross-encoder: an architecture ending in {SEQUENCE_ENDING} with one logit."
    model_type = config.get("model_type")
    if architecture.endswith(GENERATIVE_ENDINGS) or model_type in GENERATIVE_MODEL_TYPES:
        raise WrongArchitecture(
            f"{CONFIG_FILE}: {architecture} (model_type {model_type!r}) is a generative architecture; "
            "expected an encoder with a classification head.",
            remedy=remedy,
        )
    for field in ("is_decoder", "is_encoder_decoder", "add_cross_attention"):
        if config.get(field):
            raise WrongArchitecture(
                f"{CONFIG_FILE}: {field} is {config[field]!r}, so {architecture} is a decoder; expected an encoder.",
                remedy=remedy,
            )


def _refuse_other_heads(architecture: str) -> None:
    if architecture.endswith(SEQUENCE_ENDING):
        return
    if architecture.endswith(HEADLESS_ENDINGS):
        raise MissingHead(
            f"{CONFIG_FILE}: {architecture} has no classification head; expected a name ending in {SEQUENCE_ENDING}.",
            remedy=HEAD_REMEDY,
        )
    raise WrongArchitecture(
        f"{CONFIG_FILE}: {architecture} is not a sequence classifier; expected a name ending in {SEQUENCE_ENDING}.",
        remedy=HEAD_REMEDY,
    )


def _refuse_labels(architecture: str, config: Mapping[str, object]) -> None:
    # As transformers 5 resolves the two; what the head itself says is compared with the weights.
    names, labels = config.get("id2label"), config.get("num_labels")
    if labels is None:
        labels = len(names) if isinstance(names, dict) else DEFAULT_LABELS
    if isinstance(labels, bool) or labels != 1:
        raise WrongArchitecture(
            f"{CONFIG_FILE}: {architecture} has {labels} labels (num_labels or id2label); expected 1.",
            remedy="Serve a reranker with a single relevance logit; a classifier of several classes is none.",
        )


def _refuse_quantised(config: Mapping[str, object]) -> None:
    found = config.get("quantization_config")
    if found and not (isinstance(found, dict) and found.get("quant_method") == QUANTISATION_METHOD):
        raise WrongArchitecture(
            f"{CONFIG_FILE}: quantization_config is not of `bge-reranker quantise`; expected weights in float32, "
            "float16 or bfloat16, or quantised by that command.",
            remedy="Serve the checkpoint as it was before quantisation, or quantise that one.",
        )
