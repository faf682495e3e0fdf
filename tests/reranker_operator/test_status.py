from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reranker_operator.errors import InvalidSpec, OperatorError, RenderFailed
from reranker_operator.rollout import Stage
from reranker_operator.snapshots import DeploymentState
from reranker_operator.status import CONDITION_TYPES, Situation, status_of, verdicts
from reranker_operator.trouble import Trouble

from .bodies import reranker

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
DONE = DeploymentState(2, 2, 2, 2, 2, 2, 2, "NewReplicaSetAvailable", "", "")
SITUATIONS = st.builds(
    Situation,
    stage=st.sampled_from(Stage),
    count=st.integers(0, 3),
    deployment=st.sampled_from([None, DONE, replace(DONE, ready=0, available=0)]),
    trouble=st.sampled_from([None, Trouble("ImagePull", "no such image", "p"), Trouble("Gated", "401", "p", "c", 11)]),
    error=st.sampled_from([None, InvalidSpec("bad"), RenderFailed("hung")]),
    autoscaler=st.sampled_from([None, {}]),
    is_suspended=st.booleans(),
)


def condition(found: Situation, kind: str) -> tuple[str, str, str]:
    verdict = next(each for each in verdicts(found) if each.type == kind)
    return verdict.status, verdict.reason, verdict.message


@given(SITUATIONS)
def test_every_situation_has_one_condition_of_each_type_with_reason_and_sentence(found: Situation) -> None:
    said = verdicts(found)
    expected = CONDITION_TYPES if found.autoscaler is not None else CONDITION_TYPES[:-1]
    assert tuple(each.type for each in said) == expected
    for each in said:
        assert each.status in {"True", "False", "Unknown"}
        assert each.reason.isalnum()
        assert each.message


@given(SITUATIONS)
def test_ready_and_stalled_are_never_both_true(found: Situation) -> None:
    assert (condition(found, "Ready")[0], condition(found, "Stalled")[0]) != ("True", "True")


@given(SITUATIONS)
def test_a_status_that_was_just_written_is_written_no_more(found: Situation) -> None:
    first = status_of(reranker(), found, NOW)
    assert status_of(reranker(status=first), found, LATER) == first


def test_the_time_of_a_condition_changes_with_its_status_only() -> None:
    first = status_of(reranker(), Situation(Stage.CREATING, 2), NOW)
    second = status_of(reranker(status=first), Situation(Stage.ROLLING, 2, deployment=DONE), LATER)
    times = {each["type"]: each["lastTransitionTime"] for each in second["conditions"]}
    assert times["Available"] == LATER
    assert times["Ready"] == NOW


@pytest.mark.parametrize(("error", "stalled"), [(InvalidSpec("x"), "True"), (RenderFailed("x"), "False")])
def test_an_error_stalls_if_only_a_person_can_help(error: OperatorError, stalled: str) -> None:
    assert condition(Situation(Stage.COMPLETE, 2, deployment=DONE, error=error), "Stalled")[0] == stalled


def test_a_change_that_never_gets_ready_stalls_while_the_old_version_is_available() -> None:
    found = Situation(Stage.STUCK, 2, deployment=replace(DONE, progress_reason="ProgressDeadlineExceeded"))
    assert condition(found, "Stalled")[0] == "True"
    assert condition(found, "Available")[0] == "True"


def test_the_failure_of_a_pod_is_in_the_status_in_pieces_until_all_is_well() -> None:
    trouble = Trouble("Gated", "the hub wants a token", "products-1", "fetch-model", 11)
    failed = status_of(reranker(), Situation(Stage.ROLLING, 2, deployment=DONE, trouble=trouble), NOW)
    assert failed["lastFailure"] == {
        "code": "Gated",
        "reason": "Pod",
        "pod": "products-1",
        "container": "fetch-model",
        "exitCode": 11,
        "message": "the hub wants a token",
    }
    assert "lastFailure" not in status_of(reranker(status=failed), Situation(Stage.COMPLETE, 2, deployment=DONE), LATER)


def test_the_words_of_a_refused_pod_are_quoted() -> None:
    found = Situation(Stage.CREATING, 1, deployment=replace(DONE, failure_message="exceeded quota: gpus"))
    assert condition(found, "Ready")[1:] == ("PodsRefused", "The cluster refuses the pods: exceeded quota: gpus")
    assert condition(found, "Stalled")[0] == "True"


def test_a_warning_stands_behind_the_sentence_of_ready() -> None:
    found = Situation(Stage.COMPLETE, 2, deployment=DONE, warning="The CRD is old.")
    assert condition(found, "Ready")[2].endswith("asks for. The CRD is old.")


@pytest.mark.parametrize(
    ("autoscaler", "expected"),
    [
        ({}, ("Unknown", "NotReadYet")),
        ({"conditions": [{"type": "ScalingActive", "status": "True", "message": "ok"}]}, ("True", "Read")),
        (
            {"conditions": [{"type": "ScalingActive", "status": "False", "reason": "FailedGetPodsMetric"}]},
            ("False", "FailedGetPodsMetric"),
        ),
    ],
)
def test_a_broken_chain_of_metrics_is_a_condition(autoscaler: dict[str, Any], expected: tuple[str, str]) -> None:
    found = Situation(Stage.COMPLETE, 2, deployment=DONE, autoscaler=autoscaler)
    assert condition(found, "MetricsHealthy")[:2] == expected
