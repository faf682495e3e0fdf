from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bge_reranker.engine.batch import pack
from bge_reranker.engine.scorer import Scorer
from bge_reranker.model.load import load_scorer
from bge_reranker.settings import ModelSettings, PrecisionChoice

from ..checkpoints import (
    PACKED_CONFIGS,
    packed_model,
    padded_reference,
    random_pairs,
    save,
    spread_logits,
)

LENGTHS = (5, 9, 40, 9, 60, 3, 5, 5, 70, 17, 2, 64)
SEGMENT_TYPES = {"xlm-roberta": 1, "roberta": 1, "bert": 2}


def warm_scorer(directory: Path, precision: PrecisionChoice = "float32", threads: int = 1) -> Scorer:
    scorer = load_scorer(directory, ModelSettings(device="cpu", runtime="torch", precision=precision, threads=threads))
    scorer.warm_up(1024)
    return scorer


def assert_close(found: NDArray[np.float32], expected: NDArray[np.float32], bound: float) -> None:
    difference = np.abs(found - expected)
    assert difference.max() <= bound, f"max {difference.max():.3g}, mean {difference.mean():.3g}, bound {bound:.3g}"


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(packed_model("xlm-roberta", scale=8.0), tmp_path_factory.mktemp("xlmr"))


@pytest.fixture(scope="module")
def scorer(xlmr: Path) -> Scorer:
    return warm_scorer(xlmr)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Leave torch with one thread afterwards: the number belongs to the process."""
    yield
    torch.set_num_threads(1)


@pytest.mark.parametrize("family", PACKED_CONFIGS)
def test_packed_logits_equal_padded_transformers_in_float32(tmp_path: Path, family: str) -> None:
    model = packed_model(family, seed=3)
    pairs = random_pairs(LENGTHS, segment_types=SEGMENT_TYPES[family])
    spread_logits(model, pairs, types=family == "bert", units=2)
    expected = padded_reference(model, pairs, types=family == "bert")
    scorer = warm_scorer(save(model, tmp_path))
    assert_close(scorer.score(pack(pairs)), expected, 1e-5)
    assert scorer.description.packed
    assert scorer.description.notes == ()


@pytest.mark.parametrize("family", PACKED_CONFIGS)
@pytest.mark.parametrize(("precision", "bound"), [("float16", 0.02), ("bfloat16", 0.1)])
def test_packed_logits_stay_near_float32_in_half_precision(
    tmp_path: Path, family: str, precision: PrecisionChoice, bound: float
) -> None:
    model = packed_model(family, seed=4)
    pairs = random_pairs(LENGTHS, segment_types=SEGMENT_TYPES[family])
    spread_logits(model, pairs, types=family == "bert", units=3)
    expected = padded_reference(model, pairs, types=family == "bert")
    scorer = warm_scorer(save(model, tmp_path), precision)
    assert_close(scorer.score(pack(pairs)), expected, bound)
    assert scorer.description.precision == precision


@settings(max_examples=40)
@given(lengths=st.lists(st.integers(1, 78), min_size=1, max_size=24), seed=st.integers(0, 2**16))
def test_pair_has_the_same_bits_alone_and_in_any_batch(scorer: Scorer, lengths: list[int], seed: int) -> None:
    assert scorer.description.batch_invariant
    pairs = random_pairs(lengths, seed=seed)
    together = scorer.score(pack(pairs))
    index = seed % len(pairs)
    assert scorer.score(pack([pairs[index]])).tobytes() == together[index].tobytes()


@settings(max_examples=20)
@given(order=st.permutations(range(len(LENGTHS))))
def test_order_of_pairs_does_not_change_any_bit(scorer: Scorer, order: list[int]) -> None:
    pairs = random_pairs(LENGTHS)
    straight = scorer.score(pack(pairs))
    shuffled = scorer.score(pack([pairs[index] for index in order]))
    assert straight[order].tobytes() == shuffled.tobytes()


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("threads", [1, 2])
def test_large_batch_equals_each_pair_alone_to_the_bit(xlmr: Path, threads: int) -> None:
    scorer = warm_scorer(xlmr, threads=threads)
    pairs = random_pairs([length for length in range(2, 79, 4) for _ in range(3)])
    alone = np.concatenate([scorer.score(pack([pair])) for pair in pairs])
    assert scorer.score(pack(pairs)).tobytes() == alone.tobytes()


def test_huge_weights_give_the_huge_logits_of_the_reference(tmp_path: Path) -> None:
    model = packed_model("xlm-roberta", scale=1e6)
    pairs = random_pairs(LENGTHS)
    expected = padded_reference(model, pairs, types=False)
    found = warm_scorer(save(model, tmp_path)).score(pack(pairs))
    assert np.abs(expected).max() > 1e4
    assert_close(found / np.abs(expected).max(), expected / np.abs(expected).max(), 1e-5)


def test_scorer_scores_with_plain_bodies_before_warm_up(xlmr: Path, scorer: Scorer) -> None:
    cold = load_scorer(xlmr, ModelSettings(device="cpu", runtime="torch", threads=1))
    batch = pack(random_pairs(LENGTHS))
    assert_close(cold.score(batch), scorer.score(batch), 1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize(("precision", "bound"), [("float32", 2e-3), ("float16", 0.02), ("bfloat16", 0.1)])
def test_gpu_logits_stay_near_the_reference(tmp_path: Path, precision: PrecisionChoice, bound: float) -> None:
    model: transformers.PreTrainedModel = packed_model("xlm-roberta", scale=3.0, hidden_size=64)
    pairs = random_pairs(LENGTHS)
    expected = padded_reference(model, pairs, types=False)
    scorer = load_scorer(save(model, tmp_path), ModelSettings(device="cuda", precision=precision))
    scorer.warm_up(1024)
    found = scorer.score(pack(pairs))
    print(f"max {np.abs(found - expected).max():.3g}, mean {np.abs(found - expected).mean():.3g}")  # noqa: T201 - wanted
    assert_close(found, expected, bound)
    assert not [note for note in scorer.description.notes if note.kind.is_replacement]
