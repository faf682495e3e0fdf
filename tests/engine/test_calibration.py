"""Warm-up and the first measurement, on a clock that only the fake scorer moves."""

from __future__ import annotations

import pytest

from bge_reranker.engine.calibration import calibrate, warm_up
from bge_reranker.errors import OutOfMemory

from .fakes import FakeScorer


def lengths_tokens(scorer: FakeScorer) -> list[int]:
    return [len(batch) for batch in scorer.batches]


def test_calibration_finds_the_rate_of_a_fast_device_on_its_largest_batch() -> None:
    scorer = FakeScorer(tokens_per_second=1e6, launch_s=0.005)
    found = calibrate(scorer, scorer.clock, 16_384)
    assert found.tokens_per_second == pytest.approx(16_384 / (0.005 + 16_384e-6))
    assert found.batch_s == pytest.approx(0.005)
    assert lengths_tokens(scorer)[-1] == 16_384 // 128


def test_calibration_ends_early_where_larger_batches_are_no_faster() -> None:
    scorer = FakeScorer(tokens_per_second=1e6)
    assert calibrate(scorer, scorer.clock, 16_384).tokens_per_second == pytest.approx(1e6)
    assert lengths_tokens(scorer)[-1] == 512 // 128


def test_calibration_ends_within_its_time_on_a_slow_device() -> None:
    scorer = FakeScorer(tokens_per_second=100.0)
    began = scorer.clock()
    throughput = calibrate(scorer, scorer.clock, 16_384)
    assert scorer.clock() - began <= 1.5
    assert throughput.tokens_per_second == pytest.approx(100.0)


def test_calibration_measures_one_short_batch_on_a_device_slower_than_any_time_limit() -> None:
    scorer = FakeScorer(tokens_per_second=1.0)
    assert calibrate(scorer, scorer.clock, 16_384).tokens_per_second == pytest.approx(1.0)
    assert len(scorer.batches) == 1


def test_calibration_respects_the_longest_pair_of_the_model() -> None:
    scorer = FakeScorer(tokens_per_second=1e6, max_pair_tokens=10)
    calibrate(scorer, scorer.clock, 64)
    assert lengths_tokens(scorer) == [2, 4, 7]


def test_calibration_keeps_what_it_measured_when_memory_runs_out() -> None:
    scorer = FakeScorer(tokens_per_second=1e6, memory_tokens=40)
    assert calibrate(scorer, scorer.clock, 1024).tokens_per_second == pytest.approx(1e6, rel=1e-3)
    scorer.memory_tokens = 8
    with pytest.raises(OutOfMemory):
        calibrate(scorer, scorer.clock, 1024)


def test_warm_up_halves_the_batch_until_it_fits() -> None:
    scorer = FakeScorer(memory_tokens=300)
    assert warm_up(scorer, 1024) == 256
    assert scorer.warmed_up_tokens == [1024, 512, 256]


def test_warm_up_gives_up_when_not_even_the_smallest_batch_fits() -> None:
    scorer = FakeScorer(memory_tokens=3)
    with pytest.raises(OutOfMemory) as raised:
        warm_up(scorer, 40)
    assert scorer.warmed_up_tokens == [40, 20, 16]
    assert "16 tokens" in raised.value.message
