"""What only a GPU can show. `make test-gpu`; without one each is skipped by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bge_reranker.engine.batch import pack
from bge_reranker.model.checks.agreement import disagreement
from bge_reranker.model.torch.scorer import TorchScorer
from bge_reranker.precision import PRECISIONS

from .networks import SMALL, random_pairs, random_scorer

CAPABILITY = torch.cuda.get_device_capability() if torch.cuda.is_available() else (0, 0)
GPU_PRECISIONS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif((each.cuda_capability or (1, 0)) > CAPABILITY, reason=f"no GPU that computes {name}"),
    )
    for name, each in PRECISIONS.items()
    if each.torch_dtype is not None
]
LENGTHS = [5, 9, 40, 9, 60, 3, 512, 5, 70, 17, 2, 64]

pytestmark = pytest.mark.gpu


def warm(precision: str) -> TorchScorer:
    scorer = random_scorer(SMALL, "cuda:0", precision)
    scorer.warm_up(4096)
    return scorer


@pytest.mark.parametrize("precision", GPU_PRECISIONS)
def test_no_fast_body_is_replaced_and_small_batches_are_replayed(precision: str) -> None:
    description = warm(precision).description
    assert not [note for note in description.notes if note.kind.is_replacement]
    assert description.bodies["launches"] == "graphs"


@pytest.mark.parametrize("precision", GPU_PRECISIONS)
def test_fast_scores_are_within_the_bound_of_plain_ones(precision: str) -> None:
    plain = random_scorer(SMALL, "cuda:0", precision, "plain")
    plain.warm_up(4096)
    batch = pack(random_pairs(SMALL, LENGTHS))
    assert disagreement(warm(precision).score(batch), plain.score(batch), PRECISIONS[precision]) is None


@pytest.mark.parametrize("precision", GPU_PRECISIONS)
def test_a_pair_in_any_batch_is_within_the_bound_and_the_description_says_whether_its_bits_are_the_same(
    precision: str,
) -> None:
    scorer = warm(precision)
    pairs = random_pairs(SMALL, LENGTHS)
    alone = np.concatenate([scorer.score(pack([pair])) for pair in pairs])
    together = scorer.score(pack(pairs))
    print(f"{precision}: invariant {scorer.description.batch_invariant}, {np.abs(alone - together).max():.3g}")  # noqa: T201 - wanted
    assert disagreement(together, alone, PRECISIONS[precision]) is None


@pytest.mark.parametrize("precision", GPU_PRECISIONS)
@pytest.mark.parametrize("pairs", [2, 200])
def test_nothing_waits_for_the_device_but_the_fetch_of_logits(precision: str, pairs: int) -> None:
    scorer = warm(precision)
    batch = pack(random_pairs(SMALL, [40] * pairs))
    scorer.score(batch)
    # torch raises on every operation that waits for the device unasked; waiting for an event is not among them.
    torch.cuda.set_sync_debug_mode("error")
    try:
        scorer.score(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("precision", GPU_PRECISIONS)
@pytest.mark.parametrize("pairs", [2, 200])
def test_a_batch_is_launched_behind_another_without_waiting_and_both_keep_their_bits(
    precision: str, pairs: int
) -> None:
    scorer = warm(precision)
    assert scorer.description.batches_in_flight == 2
    batches = [pack(random_pairs(SMALL, [length] * pairs)) for length in (40, 50)]
    alone = [scorer.score(batch).tobytes() for batch in batches]
    for launched in [scorer.launch(batch) for batch in batches]:  # pages for the second one are pinned here
        launched.fetch()
    torch.cuda.set_sync_debug_mode("error")
    try:
        together = [scorer.launch(batch) for batch in batches]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert [launched.fetch().tobytes() for launched in together] == alone


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="no second GPU")
@pytest.mark.parametrize("precision", GPU_PRECISIONS)
def test_the_last_gpu_gives_the_scores_of_the_first(precision: str) -> None:
    last = random_scorer(SMALL, f"cuda:{torch.cuda.device_count() - 1}", precision)
    last.warm_up(4096)
    batches = [pack(random_pairs(SMALL, [length] * 200)) for length in (40, 50)]
    for found, expected in zip(map(last.score, batches), map(warm(precision).score, batches), strict=True):
        assert disagreement(found, expected, PRECISIONS[precision]) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_no_copy_of_a_batch_goes_through_pageable_memory() -> None:
    scorer = warm("float16")
    batch = pack(random_pairs(SMALL, [40] * 200))
    scorer.score(batch)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        scorer.score(batch)
    copies = [event.name for event in profile.events() if "Memcpy" in event.name and "Host" not in event.name]
    assert any("Pinned" in name for name in copies)
    assert not [name for name in copies if "Pageable" in name]
