from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bge_reranker.engine.batch import Pair, pack
from bge_reranker.engine.scorer import Scorer
from bge_reranker.errors import CorruptFile
from bge_reranker.model.load import load_scorer
from bge_reranker.settings import ModelSettings

from .checkpoints import PACKED_CONFIGS, packed_model, padded_reference, random_pairs, save, spread_logits

LENGTHS = (5, 9, 40, 9, 60, 3, 5, 5, 70, 17, 2, 64)
SEGMENT_TYPES = {"xlm-roberta": 1, "roberta": 1, "bert": 2}


def warm_scorer(directory: Path, threads: int = 1) -> Scorer:
    scorer = load_scorer(directory, ModelSettings(device="cpu", runtime="openvino", threads=threads))
    scorer.warm_up(1024)
    return scorer


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(packed_model("xlm-roberta", scale=8.0), tmp_path_factory.mktemp("xlmr"))


@pytest.fixture(scope="module")
def scorer(xlmr: Path) -> Scorer:
    return warm_scorer(xlmr)


@pytest.mark.parametrize("family", PACKED_CONFIGS)
def test_logits_equal_padded_transformers_in_float32(tmp_path: Path, family: str) -> None:
    model = packed_model(family, seed=3)
    pairs = random_pairs(LENGTHS, segment_types=SEGMENT_TYPES[family])
    spread_logits(model, pairs, types=family == "bert", units=2)
    expected = padded_reference(model, pairs, types=family == "bert")
    scorer = warm_scorer(save(model, tmp_path))
    assert np.abs(scorer.score(pack(pairs)) - expected).max() <= 1e-5
    description = scorer.description
    assert description.runtime.startswith("openvino")
    assert (description.precision, description.precision_hint, description.threads) == ("float32", "f32", 1)
    assert description.notes == ()


@pytest.mark.parametrize("stored", [torch.float16, torch.bfloat16])
def test_checkpoint_stored_in_half_precision_is_served_in_float32(tmp_path: Path, stored: torch.dtype) -> None:
    model = packed_model("xlm-roberta", scale=3.0)
    torch.nn.Module.to(model, stored)
    save(model, tmp_path)
    pairs = random_pairs(LENGTHS)
    torch.nn.Module.to(model, torch.float32)
    expected = padded_reference(model, pairs, types=False)
    assert np.abs(warm_scorer(tmp_path).score(pack(pairs)) - expected).max() <= 1e-5


def test_sharded_checkpoint_scores_as_the_single_file_does(tmp_path: Path) -> None:
    model = packed_model("roberta")
    save(model, tmp_path / "single")
    save(model, tmp_path / "sharded", max_shard_size="20KB")
    batch = pack(random_pairs(LENGTHS))
    single, sharded = (warm_scorer(tmp_path / name).score(batch) for name in ("single", "sharded"))
    assert single.tobytes() == sharded.tobytes()


def test_padding_token_inside_a_text_gets_the_position_that_transformers_gives_it(tmp_path: Path) -> None:
    model = packed_model("xlm-roberta", scale=3.0)
    pairs = random_pairs([12, 7, 12])
    pairs[1].tokens[3] = pairs[2].tokens[0] = 1
    expected = np.concatenate([padded_reference(model, [pair], types=False) for pair in pairs])
    assert np.abs(warm_scorer(save(model, tmp_path)).score(pack(pairs)) - expected).max() <= 1e-5


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(1, 78), min_size=1, max_size=24), seed=st.integers(0, 2**16))
def test_pair_has_the_same_bits_alone_and_in_any_batch_in_either_order(
    scorer: Scorer, lengths: list[int], seed: int
) -> None:
    assert scorer.description.batch_invariant
    pairs = random_pairs(lengths, seed=seed)
    together, reversed_ = scorer.score(pack(pairs)), scorer.score(pack(pairs[::-1]))
    index = seed % len(pairs)
    assert scorer.score(pack([pairs[index]])).tobytes() == together[index].tobytes()
    assert together.tobytes() == reversed_[::-1].tobytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_pair_of_a_wide_model_has_the_same_bits_alone_and_in_a_batch(tmp_path: Path, threads: int) -> None:
    # Wide enough that the runtime takes other kernels, whose rounding depends on the number of rows.
    model = packed_model("xlm-roberta", hidden_size=256, num_attention_heads=4, intermediate_size=1024)
    scorer = warm_scorer(save(model, tmp_path), threads=threads)
    pairs = random_pairs([length for length in range(2, 79, 11) for _ in range(3)])
    alone = np.concatenate([scorer.score(pack([pair])) for pair in pairs])
    assert scorer.score(pack(pairs)).tobytes() == alone.tobytes()
    assert scorer.description.batch_invariant


def test_nan_in_one_word_reaches_only_the_pairs_that_hold_it(tmp_path: Path) -> None:
    model = packed_model("xlm-roberta")
    sound = warm_scorer(save(model, tmp_path / "sound"))
    with torch.no_grad():
        model.get_parameter("roberta.embeddings.word_embeddings.weight")[50] = float("nan")
    broken = warm_scorer(save(model, tmp_path / "broken"))
    pairs = random_pairs([9, 9, 9, 20, 4])
    for pair in pairs:
        pair.tokens[pair.tokens == 50] = 51
    pairs[1].tokens[4] = 50
    found, expected = broken.score(pack(pairs)), sound.score(pack(pairs))
    assert np.isnan(found[1])
    others = [0, 2, 3, 4]
    assert found[others].tobytes() == expected[others].tobytes()


def test_weights_that_give_no_finite_logit_are_refused_at_warm_up(tmp_path: Path) -> None:
    model = packed_model("xlm-roberta")
    with torch.no_grad():
        model.get_parameter("classifier.out_proj.bias")[0] = float("nan")
    with pytest.raises(CorruptFile, match="no finite logit"):
        warm_scorer(save(model, tmp_path))


def test_read_only_checkpoint_is_served_and_nothing_is_written_into_it(tmp_path: Path) -> None:
    folder = save(packed_model("xlm-roberta"), tmp_path / "model")
    before = sorted(folder.iterdir())
    folder.chmod(0o555)
    try:
        assert np.isfinite(warm_scorer(folder).score(pack(random_pairs(LENGTHS)))).all()
    finally:
        folder.chmod(0o755)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "pair",
    [
        Pair(np.full(79, 5, dtype=np.int32), np.zeros(79, dtype=np.int8)),
        Pair(np.array([5, 97], dtype=np.int32), np.zeros(2, dtype=np.int8)),
        Pair(np.array([5, 6], dtype=np.int32), np.ones(2, dtype=np.int8)),
    ],
)
def test_pair_outside_the_tables_is_refused(scorer: Scorer, pair: Pair) -> None:
    with pytest.raises(ValueError, match="this is a bug"):
        scorer.score(pack([pair]))
