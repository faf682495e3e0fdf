from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers

from bge_reranker.engine.batch import Pair, pack
from bge_reranker.model.load import load_scorer
from bge_reranker.model.transformers.position_limit import position_limit
from bge_reranker.settings import ModelSettings

from ..checkpoints import SIZES, save

CPU = ModelSettings(device="cpu", threads=1)
POSITIONS = SIZES["max_position_embeddings"]
RELATIVE = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0}
FAMILIES: list[tuple[str, dict[str, Any], int]] = [
    ("roberta-prelayernorm", {"pad_token_id": 1}, POSITIONS - 2),
    ("esm", {"pad_token_id": 1, "mask_token_id": 32, "position_embedding_type": "absolute"}, POSITIONS - 2),
    ("luke", {"pad_token_id": 1, "entity_vocab_size": 10, "entity_emb_size": 8}, POSITIONS - 2),
    ("longformer", {"pad_token_id": 1, "attention_window": 8}, POSITIONS - 2),
    ("ibert", {"pad_token_id": 1}, POSITIONS - 2),
    ("markuplm", {"xpath_unit_hidden_size": 8, "max_depth": 4, "pad_token_id": 0}, POSITIONS - 1),
    ("mpnet", {"pad_token_id": 1}, POSITIONS - 2),
    ("camembert", {"pad_token_id": 1}, POSITIONS - 2),
    ("data2vec-text", {"pad_token_id": 1}, POSITIONS - 2),
    ("electra", {"embedding_size": 32, "pad_token_id": 0}, POSITIONS),
    ("nystromformer", {"pad_token_id": 1}, POSITIONS),
    ("deberta-v2", {**RELATIVE, "pad_token_id": 0}, POSITIONS),
    ("modernbert", {"pad_token_id": 0}, POSITIONS),
]
"""Values of model_type, fields that they need, and the longest pair that they read."""


@pytest.mark.parametrize(("model_type", "fields", "longest"), FAMILIES, ids=[family for family, _, _ in FAMILIES])
def test_longest_pair_of_a_family_is_asked_of_the_loaded_model(
    tmp_path: Path, model_type: str, fields: dict[str, Any], longest: int
) -> None:
    config = transformers.AutoConfig.for_model(model_type, **{**SIZES, "num_labels": 1, **fields})
    build: Any = transformers.AutoModelForSequenceClassification.from_config
    scorer = load_scorer(save(build(config), tmp_path), CPU)
    assert scorer.description.max_pair_tokens == longest
    pair = Pair(np.full(longest, 5, dtype=np.int32), np.zeros(longest, dtype=np.int8))
    assert np.isfinite(scorer.score(pack([pair]))).all()


def test_model_without_a_table_of_positions_has_no_limit_of_its_own() -> None:
    assert position_limit(lambda _tokens: None) is None


def test_model_that_cannot_compute_a_short_pair_has_no_limit_to_tell() -> None:
    def compute(_tokens: int) -> None:
        raise RuntimeError("boxes wanted")

    assert position_limit(compute) is None
