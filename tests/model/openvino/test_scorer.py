from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bge_reranker.engine.batch import pack
from bge_reranker.engine.scorer import Scorer, ScorerOutOfMemory
from bge_reranker.model.load import load_scorer
from bge_reranker.model.machine.processor import instruction_sets
from bge_reranker.model.openvino.calls import OpenVinoCalls
from bge_reranker.precision import BFLOAT16
from bge_reranker.settings import ModelSettings

from ..checkpoints import PACKED_CONFIGS, packed_model, padded_reference, random_pairs, save, spread_logits

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


@settings(max_examples=50)
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


def test_bfloat16_stays_within_its_bound_and_says_whether_a_pair_s_bits_depend_on_its_batch(tmp_path: Path) -> None:
    if not BFLOAT16.openvino_instruction_sets & set(instruction_sets()):
        pytest.skip("the processor has no instructions for bfloat16, and torch serves it")
    model, pairs = packed_model("xlm-roberta", seed=3), random_pairs(LENGTHS)
    spread_logits(model, pairs, types=False, units=2)
    folder = save(model, tmp_path)
    settings = ModelSettings(device="cpu", precision="bfloat16", threads=1)
    scorer, exact = load_scorer(folder, settings), warm_scorer(folder)
    scorer.warm_up(1024)
    assert (scorer.description.precision, scorer.description.precision_hint) == ("bfloat16", "bf16")
    alone = np.concatenate([scorer.score(pack([pair])) for pair in pairs])
    assert np.abs(alone - exact.score(pack(pairs))).max() <= 0.1
    generator, same = np.random.default_rng(4), True
    for _ in range(50):
        chosen = generator.permutation(len(pairs))[: generator.integers(1, len(pairs) + 1)]
        for order in (chosen, chosen[::-1]):
            found = scorer.score(pack([pairs[index] for index in order]))
            assert np.abs(found - alone[order]).max() <= 0.1
            same &= found.tobytes() == alone[order].tobytes()
    assert same or not scorer.description.batch_invariant


@pytest.mark.parametrize("threads", [1, 2])
def test_pair_of_a_wide_model_has_the_same_bits_alone_and_in_a_batch(tmp_path: Path, threads: int) -> None:
    # Wide enough that the runtime takes other kernels, whose rounding depends on the number of rows.
    model = packed_model("xlm-roberta", hidden_size=256, num_attention_heads=4, intermediate_size=1024)
    scorer = warm_scorer(save(model, tmp_path), threads=threads)
    pairs = random_pairs([length for length in range(2, 79, 11) for _ in range(3)])
    alone = np.concatenate([scorer.score(pack([pair])) for pair in pairs])
    assert scorer.score(pack(pairs)).tobytes() == alone.tobytes()
    assert scorer.description.batch_invariant


def test_read_only_checkpoint_is_served_and_nothing_is_written_into_it(tmp_path: Path) -> None:
    folder = save(packed_model("xlm-roberta"), tmp_path / "model")
    before = sorted(folder.iterdir())
    folder.chmod(0o555)
    try:
        assert np.isfinite(warm_scorer(folder).score(pack(random_pairs(LENGTHS)))).all()
    finally:
        folder.chmod(0o755)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("words", ["std::bad_alloc", "[CPU] Transpose node with name 'Transpose_67' can't alloc"])
def test_shortage_of_memory_is_told_from_other_failures(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    def fail(_calls: OpenVinoCalls, _inputs: object) -> None:
        raise RuntimeError(f"Exception from src/inference/src/cpp/infer_request.cpp:246: {words}")

    monkeypatch.setattr(OpenVinoCalls, "results", fail)
    with pytest.raises(ScorerOutOfMemory):
        scorer.score(pack(random_pairs([5])))


def test_what_is_warmed_up_further_changes_no_score(xlmr: Path) -> None:
    scorer, pairs = warm_scorer(xlmr), random_pairs(LENGTHS)
    before = scorer.score(pack(pairs))
    while scorer.warm_up_further():
        pass
    assert np.array_equal(scorer.score(pack(pairs)), before)
