"""What records say."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bge_reranker.loadtest.plan import Step
from bge_reranker.loadtest.record import Record
from bge_reranker.loadtest.summary import StepSummary, knee, summarise

STEP = Step(seconds=10, rate=2)


def record(sent_s: float, latency_s: float, **changes: object) -> Record:
    made = Record(0, sent_s, 0.0, latency_s, 200, "answered", "", 5, 0, "v")
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_step_in_figures() -> None:
    records = [record(each / 10, 0.1 + each / 100) for each in range(20)]
    records += [record(8, 0.01, outcome="refused", status=429, reason="429 QueueFull")]
    records += [record(9, 1.0, outcome="failed", status=0, reason="no answer")]
    summary = summarise(STEP, records)
    assert (summary.requests, summary.answered, summary.refused, summary.failed) == (22, 20, 1, 1)
    assert summary.seconds == 10.0
    assert summary.documents_per_second == 10.0
    assert summary.p50_ms == pytest.approx(195)
    assert summary.max_ms == pytest.approx(290)
    assert summary.reasons == {"429 QueueFull": 1, "no answer": 1}
    assert (summary.rate, summary.goodput) == (2.2, 2.0)


def test_each_caller_has_a_percentile_of_its_own() -> None:
    records = [record(each, 0.1 if each % 2 else 0.5, caller=each % 2) for each in range(10)]
    assert summarise(STEP, records).p95_by_caller == pytest.approx((500, 100))


def test_a_step_without_an_answer_has_no_percentiles() -> None:
    summary = summarise(STEP, [record(1, 1, outcome="failed", status=500, reason="500")])
    assert math.isnan(summary.p95_ms)
    assert summary.documents_per_second == 0
    assert summarise(STEP, []).requests == 0


def test_a_late_sender_is_told_apart_from_a_slow_server() -> None:
    assert not summarise(STEP, [record(1, 0.1, late_s=0.004)]).sender_is_late
    assert summarise(STEP, [record(1, 0.1, late_s=0.006)]).sender_is_late


def step(p95_ms: float, answered: int = 100) -> StepSummary:
    summary = summarise(STEP, [record(each / 10, p95_ms / 1000) for each in range(100)])
    return replace(summary, answered=answered)


@pytest.mark.parametrize(
    ("p95s", "objective", "at"),
    [
        ([10, 12, 19, 21, 15], None, 2),
        ([10, 12, 19], None, 2),
        ([10, 12, 30], 25, 1),
        ([10, 12, 30], 5, None),
    ],
)
def test_the_knee_is_the_last_step_before_latency_leaves_its_bound(
    p95s: list[float], objective: float | None, at: int | None
) -> None:
    steps = [step(each) for each in p95s]
    assert knee(steps, objective) is (None if at is None else steps[at])


def test_a_step_that_refuses_is_past_the_knee() -> None:
    steps = [step(10), step(10, answered=98), step(10)]
    assert knee(steps, None) is steps[0]
    assert knee([], None) is None
