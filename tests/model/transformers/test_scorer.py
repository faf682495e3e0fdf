from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from safetensors.torch import load_file, save_file

from bge_reranker.engine.batch import pack
from bge_reranker.errors import CorruptFile, MissingHead, ModelError, WrongArchitecture
from bge_reranker.model.load import load_scorer
from bge_reranker.settings import ModelSettings

from ..checkpoints import SIZES, packed_model, padded_reference, random_pairs, save, sequence_classifier

CPU = ModelSettings(device="cpu", threads=1)
DISTILBERT: dict[str, Any] = {
    "vocab_size": SIZES["vocab_size"],
    "dim": 32,
    "n_layers": 2,
    "n_heads": 2,
    "hidden_dim": 48,
    "max_position_embeddings": 80,
    "num_labels": 1,
    "pad_token_id": 0,
}
ONE_LABEL: dict[str, Any] = {"num_labels": 1, "pad_token_id": 0}
CONFIGS: dict[str, transformers.PreTrainedConfig] = {
    "distilbert": transformers.DistilBertConfig(**DISTILBERT),
    "electra": transformers.ElectraConfig(**SIZES, **ONE_LABEL, embedding_size=32),
    "deberta": transformers.DebertaV2Config(
        **SIZES, type_vocab_size=0, relative_attention=True, pos_att_type=["p2c", "c2p"], **ONE_LABEL
    ),
}
LENGTHS = (5, 40, 9, 60, 3, 5, 70, 17)


@pytest.mark.parametrize("name", CONFIGS)
def test_other_architecture_scores_as_transformers_does_and_says_so(tmp_path: Path, name: str) -> None:
    model = sequence_classifier(CONFIGS[name], scale=3.0)
    scorer = load_scorer(save(model, tmp_path), CPU)
    scorer.warm_up(1024)
    pairs = random_pairs(LENGTHS)
    difference = np.abs(scorer.score(pack(pairs)) - padded_reference(model, pairs, types=False))
    assert difference.max() <= 1e-5, f"max {difference.max():.3g}, mean {difference.mean():.3g}"
    description = scorer.description
    assert not description.packed
    assert "padded" in str(description.notes[0])
    assert type(model).__name__ in str(description.notes[0])
    assert description.max_pair_tokens == 80
    assert len(description.notes) == 1


def test_family_member_with_another_activation_is_computed_by_transformers(tmp_path: Path) -> None:
    model = packed_model("xlm-roberta", scale=3.0, hidden_act="relu")
    scorer = load_scorer(save(model, tmp_path), CPU)
    pairs = random_pairs(LENGTHS)
    assert np.abs(scorer.score(pack(pairs)) - padded_reference(model, pairs, types=False)).max() <= 1e-5
    assert "hidden_act" in str(scorer.description.notes[0])
    assert scorer.description.max_pair_tokens == 78


@pytest.mark.parametrize(
    ("removed", "error", "words"),
    [("classifier.weight", MissingHead, r"classifier\.weight"), ("ffn.lin1.weight", CorruptFile, r"ffn\.lin1\.weight")],
)
def test_other_architecture_is_refused_when_tensors_are_missing(
    tmp_path: Path, removed: str, error: type[ModelError], words: str
) -> None:
    save(sequence_classifier(CONFIGS["distilbert"]), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not name.endswith(removed)}
    assert len(kept) < len(tensors)
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(error, match=words) as caught:
        load_scorer(tmp_path, CPU)
    assert type(caught.value) is error
    assert caught.value.remedy


def test_other_architecture_is_corrupt_when_its_file_is_cut_short(tmp_path: Path) -> None:
    path = save(sequence_classifier(CONFIGS["distilbert"]), tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CorruptFile):
        load_scorer(tmp_path, CPU)


def test_architecture_that_transformers_does_not_know_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        '{"architectures": ["NovelForSequenceClassification"], "model_type": "novel", "id2label": {"0": "x"}}'
    )
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(WrongArchitecture, match="novel"):
        load_scorer(tmp_path, CPU)
