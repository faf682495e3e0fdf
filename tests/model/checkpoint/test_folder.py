from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers.models.auto import modeling_auto

from bge_reranker.errors import CorruptFile, MissingHead, ModelError, UnknownModel, UnsafeFormat, WrongArchitecture
from bge_reranker.model.checkpoint.acceptance import GENERATIVE_MODEL_TYPES
from bge_reranker.model.checkpoint.folder import read_checkpoint

CONFIG: dict[str, object] = {
    "architectures": ["XLMRobertaForSequenceClassification"],
    "model_type": "xlm-roberta",
    "vocab_size": 97,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "pad_token_id": 1,
    "layer_norm_eps": 1e-5,
    "id2label": {"0": "LABEL_0"},
}


def folder(
    path: Path, overrides: dict[str, object] | None = None, *, weights: str | None = "model.safetensors"
) -> Path:
    (path / "config.json").write_text(json.dumps({**CONFIG, **(overrides or {})}))
    if weights:
        (path / weights).write_bytes(b"not read here")
    return path


def test_checkpoint_of_the_family_is_packed_with_its_sizes(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(folder(tmp_path))
    geometry = checkpoint.geometry
    assert geometry is not None
    assert (geometry.head_size, geometry.max_pair_tokens, geometry.layer_norm_eps) == (16, 512, 1e-5)
    assert checkpoint.weight_files == (tmp_path / "model.safetensors",)


def test_checkpoint_of_bert_reads_as_many_tokens_as_it_has_positions(tmp_path: Path) -> None:
    overrides: dict[str, object] = {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "pad_token_id": 0,
    }
    geometry = read_checkpoint(folder(tmp_path, overrides)).geometry
    assert geometry is not None
    assert geometry.max_pair_tokens == 514


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ({"hidden_act": "gelu_new"}, "hidden_act"),
        ({"architectures": ["DebertaV2ForSequenceClassification"], "model_type": "deberta-v2"}, "no packed network"),
    ],
)
def test_checkpoint_goes_through_transformers_when_the_packed_network_would_differ(
    tmp_path: Path, overrides: dict[str, object], reason: str
) -> None:
    checkpoint = read_checkpoint(folder(tmp_path, overrides))
    assert checkpoint.geometry is None
    assert reason in checkpoint.fallback_reason


@pytest.mark.parametrize(
    ("overrides", "error", "words"),
    [
        ({"architectures": ["XLMRobertaModel"]}, MissingHead, "XLMRobertaModel"),
        ({"architectures": ["XLMRobertaForMaskedLM"]}, MissingHead, "XLMRobertaForMaskedLM"),
        ({"architectures": ["XLMRobertaForTokenClassification"]}, WrongArchitecture, "not a sequence classifier"),
        ({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}, WrongArchitecture, "Qwen2ForCausalLM"),
        ({"architectures": ["Qwen2ForSequenceClassification"], "model_type": "qwen2"}, WrongArchitecture, "generative"),
        ({"architectures": ["OlmoForSequenceClassification"], "model_type": "olmo"}, WrongArchitecture, "generative"),
        ({"architectures": ["GlmForSequenceClassification"], "model_type": "glm"}, WrongArchitecture, "generative"),
        ({"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"}, WrongArchitecture, "T5"),
        ({"architectures": None}, WrongArchitecture, "architectures"),
        ({"is_decoder": True}, WrongArchitecture, "is_decoder"),
        ({"is_encoder_decoder": True}, WrongArchitecture, "is_encoder_decoder"),
        ({"auto_map": {"AutoModel": "code.Model"}}, WrongArchitecture, "auto_map"),
        ({"id2label": {"0": "no", "1": "yes"}}, WrongArchitecture, "2 labels"),
        ({"id2label": None}, WrongArchitecture, "2 labels"),
        ({"position_embedding_type": "relative_key"}, WrongArchitecture, "relative_key"),
        ({"quantization_config": {"bits": 4}}, WrongArchitecture, "quantization_config"),
        ({"model_type": "bert"}, CorruptFile, "model_type"),
        ({"hidden_size": "32"}, CorruptFile, "hidden_size"),
        ({"num_hidden_layers": 0}, CorruptFile, "num_hidden_layers"),
        ({"num_attention_heads": 5}, CorruptFile, "hidden_size"),
        ({"max_position_embeddings": 2}, CorruptFile, "max_position_embeddings"),
        ({"layer_norm_eps": "tiny"}, CorruptFile, "layer_norm_eps"),
        ({"pad_token_id": -1}, CorruptFile, "pad_token_id"),
    ],
)
def test_checkpoint_is_refused_by_name_with_a_remedy(
    tmp_path: Path, overrides: dict[str, object], error: type[ModelError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        read_checkpoint(folder(tmp_path, overrides))
    assert type(caught.value) is error
    assert caught.value.remedy


def test_checkpoint_is_unknown_when_the_folder_has_no_config(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"no config\.json"):
        read_checkpoint(tmp_path / "nothing")


@pytest.mark.parametrize("content", ["{", "[1]", "[" * 100_000])
def test_checkpoint_is_corrupt_when_its_config_is_no_object(tmp_path: Path, content: str) -> None:
    (folder(tmp_path) / "config.json").write_text(content)
    with pytest.raises(CorruptFile, match=r"config\.json"):
        read_checkpoint(tmp_path)


def test_checkpoint_is_unsafe_when_it_has_pickles_only(tmp_path: Path) -> None:
    with pytest.raises(UnsafeFormat, match=r"pytorch_model\.bin") as caught:
        read_checkpoint(folder(tmp_path, weights="pytorch_model.bin"))
    assert "model convert" in caught.value.remedy


def test_checkpoint_ignores_pickles_beside_safetensors(tmp_path: Path) -> None:
    (folder(tmp_path) / "pytorch_model.bin").write_bytes(b"never opened")
    assert [path.name for path in read_checkpoint(tmp_path).weight_files] == ["model.safetensors"]


def test_checkpoint_is_corrupt_when_it_has_no_weights(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match=r"model\.safetensors"):
        read_checkpoint(folder(tmp_path, weights=None))


@pytest.mark.parametrize("shard", ["../secret.safetensors", "a.bin", "absent.safetensors"])
def test_checkpoint_is_corrupt_when_the_index_names_a_file_that_is_no_neighbour(tmp_path: Path, shard: str) -> None:
    folder(tmp_path, weights=None)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(CorruptFile, match=r"index\.json"):
        read_checkpoint(tmp_path)


def test_checkpoint_is_corrupt_when_the_index_is_empty(tmp_path: Path) -> None:
    folder(tmp_path, weights=None)
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(CorruptFile, match="weight_map"):
        read_checkpoint(tmp_path)


def test_every_decoder_that_transformers_would_classify_with_is_known_as_generative() -> None:
    classifiers = set(modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
    translators = set(modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES)
    encoders = set(modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES) - translators
    writers = (set(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) | translators) - encoders
    # XLNet writes by permuting, and reads in both directions.
    assert classifiers & writers - {"xlnet"} == GENERATIVE_MODEL_TYPES & classifiers - {"mistral4"}
    assert not GENERATIVE_MODEL_TYPES & encoders
