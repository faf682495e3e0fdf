"""What a scorer says to expect of it, on its way into the Reranker's status."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import pytest

from bge_reranker.configuration import load_settings
from bge_reranker.loading import load_model
from bge_reranker.planning.capacity import ReplicaCapacity
from bge_reranker.planning.expectation import Expectation, expected_of
from bge_reranker.settings import PlanSettings
from reranker_operator.pod_info import facts_of
from reranker_operator.pods import PodFacts
from reranker_operator.rollout import Stage
from reranker_operator.situation import Situation
from reranker_operator.status import status_of
from tests.reranker_operator.bodies import reranker
from tests.reranker_operator.situations import DONE, NOW

SETTINGS = PlanSettings(plan_p95_ms=80, plan_documents=10, plan_tokens=100)
CAPACITY = ReplicaCapacity(100_000.0, batch_s=0.002)


def facts_from(expected: Expectation | None) -> PodFacts:
    info = {
        "model": {"name": "m", "digest": "d" * 64},
        "capacity": {"tokens_per_second": 100_000.0, "pairs_per_second": 1_000.0, "pair_tokens": 100, "batch_s": 0.0},
        "expected": None if expected is None else asdict(expected),
    }
    facts = facts_of(json.dumps(info, allow_nan=False).encode())
    assert facts is not None
    return facts


def capacity_in_status(*facts: PodFacts) -> dict[str, Any]:
    found = Situation(Stage.COMPLETE, len(facts), deployment=DONE, facts=facts)
    capacity: dict[str, Any] = status_of(reranker(), found, NOW)["capacity"]
    return capacity


def test_the_status_adds_up_what_replicas_keep_the_objective_with() -> None:
    expected = expected_of(SETTINGS, CAPACITY)
    assert expected is not None
    assert 10 < expected.requests_per_second < 100
    assert expected.p50_ms < expected.p95_ms <= 80
    facts = facts_from(expected)
    said = capacity_in_status(facts, facts)["expected"]
    assert (said["documents"], said["pairTokens"], said["objectiveP95Ms"]) == (10, 100, 80)
    assert said["requestsPerSecond"] == pytest.approx(2 * expected.requests_per_second, rel=0.01)
    assert said["p95Ms"] == round(expected.p95_ms)


def test_an_objective_that_cannot_be_kept_gives_no_rate_and_the_latency_of_a_request_alone() -> None:
    expected = expected_of(SETTINGS.model_copy(update={"plan_p95_ms": 1.0}), CAPACITY)
    assert expected is not None
    assert expected.requests_per_second == 0
    assert expected.p50_ms == pytest.approx(12, abs=1)
    assert capacity_in_status(facts_from(expected))["expected"]["requestsPerSecond"] == 0


def test_nothing_is_said_without_an_objective_or_while_it_changes() -> None:
    assert expected_of(PlanSettings(), CAPACITY) is None
    expected = expected_of(SETTINGS, CAPACITY)
    assert expected is not None
    planned = facts_from(expected)
    other = facts_from(replace(expected, documents=20))
    assert "expected" not in capacity_in_status(facts_from(None))
    assert "expected" not in capacity_in_status(planned, facts_from(None))
    assert "expected" not in capacity_in_status(planned, other)


def test_a_model_that_is_loaded_says_what_to_expect_of_it() -> None:
    settings = load_settings(flags={"plan_p95_ms": 3_600_000, "plan_documents": 2, "plan_tokens": 16, "threads": 1})
    with ThreadPoolExecutor(1) as executor:
        served = load_model(settings, {}, executor)
        served.close()
    assert served.expected is not None
    assert served.expected.requests_per_second > 0
    assert served.expected.pair_tokens == 16
