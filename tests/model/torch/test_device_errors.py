"""What a GPU reports, in torch's own classes, and what becomes of the engine that hears it."""

from __future__ import annotations

import math
import queue

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from typing_extensions import override

from bge_reranker.engine.batch import Batch
from bge_reranker.engine.engine import Engine
from bge_reranker.engine.scorer import ScorerLost, ScorerOutOfMemory
from bge_reranker.engine.ticket import Outcome
from bge_reranker.errors import WorkerDied
from bge_reranker.model.torch.device_errors import LOST_MESSAGES, device_errors_reported
from bge_reranker.settings import EngineSettings
from tests.engine.fakes import FakeScorer, make_pair

WAIT_S = 30.0

ASSERTED = (
    "CUDA error: device-side assert triggered\nSearch for `cudaErrorAssert' in https://docs.nvidia.com/cuda/ for more "
    "information.\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.AcceleratorError(ASSERTED), "device-side assert triggered"),
        (RuntimeError(ASSERTED), "device-side assert triggered"),
        (RuntimeError("HIP error: an illegal memory access was encountered"), "an illegal memory access was"),
        (RuntimeError("Triton Error [CUDA]: unspecified launch failure"), "unspecified launch failure"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(...)`"), "CUBLAS_STATUS"),
        (torch.AcceleratorError("CUDA error: unknown error"), "unknown error"),
    ],
)
def test_error_after_which_a_gpu_computes_nothing_is_distinguished_from_all_others(
    error: Exception, words: str
) -> None:
    with pytest.raises(ScorerLost, match=words) as raised, device_errors_reported():
        raise error
    assert str(raised.value) in LOST_MESSAGES


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_memory_of_a_gpu_that_runs_out_loses_nothing(error: Exception) -> None:
    with pytest.raises(ScorerOutOfMemory), device_errors_reported():
        raise error


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: invalid configuration argument"),
        RuntimeError("The size of tensor a (4) must match the size of tensor b (5)"),
        RuntimeError("the text was: misaligned address"),
        IndexError("index out of range in self"),
    ],
)
def test_error_of_a_batch_passes_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as passed, device_errors_reported():
        raise error
    assert passed.value is error


class DeviceScorer(FakeScorer):
    """Raises as torch does, and reports it as the torch scorers do."""

    @override
    def score(self, batch: Batch) -> NDArray[np.float32]:
        with device_errors_reported():
            return super().score(batch)


def outcome_of(error: Exception) -> tuple[Outcome, Engine, FakeScorer]:
    """Score three pairs, the second of which makes the scorer raise."""
    scorer, outcomes = DeviceScorer(raises_on={2: error}), queue.Queue[Outcome]()
    engine = Engine(scorer, EngineSettings(), clock=scorer.clock)
    engine.start()
    engine.wait_until_ready(WAIT_S)
    scorer.batches.clear()
    engine.submit(engine.reserve(12, math.inf), [make_pair(serial) for serial in (1, 2, 3)], outcomes.put)
    outcome = outcomes.get(timeout=WAIT_S)
    engine.close(WAIT_S)
    return outcome, engine, scorer


def test_engine_whose_gpu_is_lost_is_dead_and_says_why() -> None:
    outcome, engine, scorer = outcome_of(torch.AcceleratorError(ASSERTED))
    assert {error.code for error in outcome.errors.values()} == {"WorkerDied"}
    assert len(outcome.errors) == 3
    assert isinstance(engine.failure, WorkerDied)
    assert "device-side assert triggered" in engine.failure.message
    assert "device-side assert triggered" in outcome.errors[0].message
    assert not engine.is_making_progress()
    assert scorer.batches == [[1, 2, 3]]
    with pytest.raises(WorkerDied, match="device-side assert"):
        engine.reserve(1, math.inf)


def test_engine_whose_gpu_is_well_fails_only_the_pair_to_blame() -> None:
    outcome, engine, _ = outcome_of(torch.AcceleratorError("CUDA error: invalid configuration argument"))
    assert {index: error.code for index, error in outcome.errors.items()} == {1: "BatchFailed"}
    assert engine.failure is None


def test_engine_whose_gpu_has_no_memory_for_one_pair_fails_only_that() -> None:
    outcome, engine, _ = outcome_of(torch.cuda.OutOfMemoryError("CUDA out of memory."))
    assert {index: error.code for index, error in outcome.errors.items()} == {1: "PairTooLarge"}
    assert engine.failure is None
