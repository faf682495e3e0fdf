"""A checkpoint folder: what its config.json claims, which files hold the weights, and which scorer may serve it.

What belongs here: reading config.json and the names of weight files, and the decision packed, through transformers,
or refused. What must not: torch, and the contents of weight files (`weights` reads those).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...checkpoint_files import CONFIG_FILE, weights_in
from ...checkpoint_json import USE_PUBLISHED, read_json_object
from ...errors import CorruptFile, MissingHead, UnknownModel, WrongArchitecture
from ..families.geometry import PACKED_ARCHITECTURES, Geometry, read_geometry, why_not_packed

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
QUANTISATION_METHOD = "bge-reranker-int8"
"""Value of `quant_method` in the quantization_config of a checkpoint that `bge-reranker quantise` wrote."""

FLOAT_PARTS = "float_parts"
"""Key beside it: `bfloat16` where the gate passed with everything that is not in 8 bits computed in that."""

DEFAULT_LABELS = 2
"""What transformers assumes where config.json gives neither num_labels nor id2label."""

HEAD_REMEDY = "Serve a checkpoint fine-tuned as a cross-encoder, for example BAAI/bge-reranker-large."


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder that may be served."""

    directory: Path
    """Where it lies."""

    architecture: str
    """Class name in config.json."""

    config: Mapping[str, object]
    """The parsed config.json."""

    weight_files: tuple[Path, ...]
    """Safetensors files, each once."""

    geometry: Geometry | None
    """Sizes of the packed network; None where transformers must compute it."""

    fallback_reason: str
    """Why transformers must compute it; empty for the packed network."""

    quantisation: Mapping[str, object] | None = None
    """What `bge-reranker quantise` wrote into config.json, its price included; None for floating point."""


def read_checkpoint(directory: Path) -> Checkpoint:
    """Read config.json and the list of weight files, and decide who serves the checkpoint.

    Raises:
        UnknownModel: If there is no such folder, or no config.json in it.
        CorruptFile: If config.json or the index of shards cannot be used.
        WrongArchitecture: If it is not a sequence classifier with one logit.
        MissingHead: If it is an encoder without a classification head.
        UnsafeFormat: If the weights are in pickles only.
    """
    config = _read_config(directory)
    architecture = _accepted_architecture(config)
    files = tuple(directory / name for name in weights_in(directory).files)
    family = PACKED_ARCHITECTURES.get(architecture)
    if family is None:
        return Checkpoint(directory, architecture, config, files, None, f"{architecture} has no packed network")
    if config.get("model_type") != family:
        raise CorruptFile(
            f"{CONFIG_FILE}: model_type is {config.get('model_type')!r}; expected {family!r} beside {architecture}.",
            remedy=USE_PUBLISHED,
        )
    reason = why_not_packed(config)
    geometry = read_geometry(family, config) if reason is None else None
    quantisation = config.get("quantization_config")
    return Checkpoint(
        directory,
        architecture,
        config,
        files,
        geometry,
        reason or "",
        quantisation if isinstance(quantisation, dict) and quantisation else None,
    )


def _read_config(directory: Path) -> dict[str, object]:
    path = directory / CONFIG_FILE
    if not path.is_file():
        raise UnknownModel(
            f"{directory}: no {CONFIG_FILE} there.",
            remedy="Give the folder of a Hugging Face checkpoint: config.json, tokenizer.json, model.safetensors.",
        )
    return read_json_object(path)


def _accepted_architecture(config: Mapping[str, object]) -> str:
    if config.get("auto_map"):
        raise WrongArchitecture(
            f"{CONFIG_FILE}: auto_map asks for code from the checkpoint ({config['auto_map']}), which is never run.",
            remedy="Serve a checkpoint whose architecture transformers itself knows.",
        )
    names = config.get("architectures")
    if not isinstance(names, list) or len(names) != 1 or not isinstance(names[0], str):
        raise WrongArchitecture(
            f"{CONFIG_FILE}: architectures is {names!r}; expected one name ending in {SEQUENCE_ENDING}.",
            remedy="Save the model again with save_pretrained of its classification class, which writes the field.",
        )
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        raise CorruptFile(f"{CONFIG_FILE}: model_type is {model_type!r}; expected a name.", remedy=USE_PUBLISHED)
    _refuse_generative(names[0], config)
    _refuse_other_heads(names[0])
    _refuse_labels(names[0], config)
    _refuse_relative_positions(config)
    _refuse_quantised(config)
    return names[0]


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


def _refuse_relative_positions(config: Mapping[str, object]) -> None:
    # transformers dropped relative positions from the BERT family and ignores the field, so it is no way out.
    kind = config.get("position_embedding_type", "absolute")
    if kind not in ("absolute", None) and config.get("model_type") in PACKED_ARCHITECTURES.values():
        raise WrongArchitecture(
            f"{CONFIG_FILE}: position_embedding_type is {kind!r}; expected 'absolute'.",
            remedy="Serve a checkpoint with absolute positions; nothing here computes relative ones for this family.",
        )


def _refuse_quantised(config: Mapping[str, object]) -> None:
    found = config.get("quantization_config")
    if found and not (isinstance(found, dict) and found.get("quant_method") == QUANTISATION_METHOD):
        raise WrongArchitecture(
            f"{CONFIG_FILE}: quantization_config is not of `bge-reranker quantise`; expected weights in float32, "
            "float16 or bfloat16, or quantised by that command.",
            remedy="Serve the checkpoint as it was before quantisation, or quantise that one.",
        )
