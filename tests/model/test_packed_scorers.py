"""What holds for every scorer of the packed family, whichever library computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bge_reranker.engine.batch import Pair, pack
from bge_reranker.engine.scorer import Scorer
from bge_reranker.model.load import load_scorer
from bge_reranker.settings import ModelSettings

from .checkpoints import VOCABULARY_SIZE, packed_model, padded_reference, random_pairs, save

LENGTHS = (5, 9, 40, 9, 60, 3, 5, 5, 70, 17, 2, 64)
RUNTIMES = ("torch", "openvino")

WarmScorer = Callable[[Path], Scorer]


@pytest.fixture(params=RUNTIMES)
def warm_scorer(request: pytest.FixtureRequest) -> WarmScorer:
    def load(directory: Path) -> Scorer:
        scorer = load_scorer(directory, ModelSettings(device="cpu", runtime=request.param, threads=1))
        scorer.warm_up(1024)
        return scorer

    return load


@pytest.mark.parametrize("stored", [torch.float16, torch.bfloat16])
def test_checkpoint_stored_in_half_precision_is_served_in_float32(
    tmp_path: Path, warm_scorer: WarmScorer, stored: torch.dtype
) -> None:
    model = packed_model("xlm-roberta", scale=3.0)
    torch.nn.Module.to(model, stored)
    save(model, tmp_path)
    pairs = random_pairs(LENGTHS)
    torch.nn.Module.to(model, torch.float32)
    expected = padded_reference(model, pairs, types=False)
    assert np.abs(warm_scorer(tmp_path).score(pack(pairs)) - expected).max() <= 1e-5


def test_sharded_checkpoint_scores_as_the_single_file_does(tmp_path: Path, warm_scorer: WarmScorer) -> None:
    model = packed_model("roberta")
    single, sharded = tmp_path / "single", tmp_path / "sharded"
    save(model, single)
    save(model, sharded, max_shard_size="20KB")
    assert len(list(sharded.glob("*.safetensors"))) > 1
    batch = pack(random_pairs(LENGTHS))
    assert warm_scorer(single).score(batch).tobytes() == warm_scorer(sharded).score(batch).tobytes()


def test_padding_token_inside_a_text_gets_the_position_that_transformers_gives_it(
    tmp_path: Path, warm_scorer: WarmScorer
) -> None:
    model = packed_model("xlm-roberta", scale=3.0)
    pairs = random_pairs([12, 7, 12])
    pairs[1].tokens[3] = pairs[2].tokens[0] = 1
    scorer = warm_scorer(save(model, tmp_path))
    # The reference masks the padding that follows the text, so the token inside it must stay visible.
    expected = np.concatenate([padded_reference(model, [pair], types=False) for pair in pairs])
    assert np.abs(scorer.score(pack(pairs)) - expected).max() <= 1e-5


def test_nan_in_one_word_reaches_only_the_pairs_that_hold_it(tmp_path: Path, warm_scorer: WarmScorer) -> None:
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


@pytest.mark.parametrize(
    "pair",
    [
        Pair(np.full(79, 5, dtype=np.int32), np.zeros(79, dtype=np.int8)),
        Pair(np.array([5, VOCABULARY_SIZE], dtype=np.int32), np.zeros(2, dtype=np.int8)),
        Pair(np.array([5, -1], dtype=np.int32), np.zeros(2, dtype=np.int8)),
        Pair(np.array([5, 6], dtype=np.int32), np.ones(2, dtype=np.int8)),
    ],
)
def test_pair_outside_the_tables_is_refused_before_it_is_computed(
    tmp_path: Path, warm_scorer: WarmScorer, pair: Pair
) -> None:
    scorer = warm_scorer(save(packed_model("xlm-roberta"), tmp_path))
    with pytest.raises(ValueError, match="this is a bug"):
        scorer.score(pack([pair]))
