from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from reranker_operator.conditions import CONDITION_TYPES, verdicts
from reranker_operator.errors import FormerChild, InvalidSpec, OperatorError, RenderFailed
from reranker_operator.rollout import Stage
from reranker_operator.situation import Situation
from reranker_operator.trouble import Trouble

from .situations import DONE, PULL, SITUATIONS, UNREAD, condition


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


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Situation(Stage.COMPLETE, 2, deployment=DONE), ("False", "Progressing", "Nothing needs a person.")),
        (Situation(Stage.CREATING, 2), ("False", "Progressing", "It moves by itself.")),
        (
            Situation(Stage.CREATING, 2, trouble=PULL),
            ("True", "ImagePull", "It is up to whoever writes this Reranker. The first pods are being created"),
        ),
        *(
            (
                Situation(Stage.ROLLING, 2, deployment=DONE, trouble=replace(PULL, code=code)),
                ("True", code, "It is up to "),
            )
            for code in (
                "OutOfMemory",
                "ProcessEnded",
                "ContainerConfig",
                "ClaimNotBound",
                "Evicted",
                "Gated",
                "NewCode",
            )
        ),
        (
            Situation(Stage.ROLLING, 2, deployment=DONE, trouble=replace(PULL, code="Unschedulable")),
            ("False", "Unschedulable", "It may pass by itself; if it lasts, it is up to the cluster's administrator. "),
        ),
        (
            Situation(Stage.STUCK, 2, deployment=DONE, trouble=replace(PULL, code="HubUnreachable")),
            ("True", "HubUnreachable", "It is up to whoever writes this Reranker. "),
        ),
        (
            Situation(Stage.CREATING, 2, error=FormerChild("It is being deleted.")),
            (
                "False",
                "FormerChild",
                "It may pass by itself; if it lasts, it is up to the cluster's administrator. It is",
            ),
        ),
        (
            Situation(Stage.CREATING, 2, error=FormerChild("A finalizer holds it.", needs_person=True)),
            ("True", "FormerChild", "It is up to the cluster's administrator. A finalizer holds it."),
        ),
        (
            Situation(Stage.COMPLETE, 2, deployment=DONE, is_suspended=True),
            ("True", "Suspended", "It is up to whoever writes this Reranker. lifecycle.suspend is true"),
        ),
    ],
)
def test_stalled_says_whose_turn_it_is(found: Situation, expected: tuple[str, str, str]) -> None:
    status, reason, message = condition(found, "Stalled")
    assert (status, reason) == expected[:2]
    assert message.startswith(expected[2])


def test_what_others_have_set_is_reported_with_who_and_where() -> None:
    found = Situation(
        Stage.COMPLETE, 2, deployment=DONE, additions=("kubectl-edit set spec.paused of Deployment products",)
    )
    status, reason, message = condition(found, "Drifted")
    assert (status, reason) == ("True", "SetByOthers")
    assert message.startswith("kubectl-edit set spec.paused of Deployment products. Ask for it in the spec")
    assert condition(Situation(Stage.COMPLETE, 2, deployment=DONE), "Drifted")[:2] == ("False", "AsApplied")


@pytest.mark.parametrize(("error", "stalled"), [(InvalidSpec("x"), "True"), (RenderFailed("x"), "False")])
def test_an_error_stalls_if_only_a_person_can_help(error: OperatorError, stalled: str) -> None:
    assert condition(Situation(Stage.COMPLETE, 2, deployment=DONE, error=error), "Stalled")[0] == stalled


def test_a_change_that_never_gets_ready_stalls_while_the_old_version_is_available() -> None:
    found = Situation(Stage.STUCK, 2, deployment=replace(DONE, progress_reason="ProgressDeadlineExceeded"))
    assert condition(found, "Stalled")[0] == "True"
    assert condition(found, "Available")[0] == "True"


def test_the_words_of_a_refused_pod_are_quoted() -> None:
    found = Situation(Stage.CREATING, 1, deployment=replace(DONE, failure_message="exceeded quota: gpus"))
    assert condition(found, "Ready")[1:] == (
        "PodsRefused",
        (
            "The cluster refuses the pods: exceeded quota: gpus. "
            "Change what it names, or ask the cluster's administrator to."
        ),
    )
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


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (Situation(Stage.COMPLETE, 2, deployment=DONE, autoscaler=UNREAD), "MetricsHealthy"),
        (Situation(Stage.COMPLETE, 2, deployment=DONE, unreached=2), "ModelReady"),
        (Situation(Stage.COMPLETE, 2, deployment=DONE, additions=("somebody set spec.paused",)), "Drifted"),
        (Situation(Stage.COMPLETE, 2, deployment=DONE, warning="The CRD is old."), "Ready"),
        (Situation(Stage.ASLEEP, 0, additions=("a set b",), warning="The CRD is old."), "Ready and Drifted"),
    ],
)
def test_stalled_does_not_say_that_all_is_well_beside_a_fault(found: Situation, named: str) -> None:
    expected = ("False", "Progressing", f"Nothing holds it up, but see {named}.")
    assert condition(found, "Stalled") == expected


def test_pods_that_were_refused_and_are_needed_no_more_stall_nothing() -> None:
    found = Situation(Stage.COMPLETE, 2, deployment=replace(DONE, failure_message="exceeded quota"))
    assert condition(found, "Ready")[0] == "True"
    assert condition(found, "Stalled")[0] == "False"


def test_a_code_of_a_pod_makes_nothing_ready() -> None:
    found = Situation(Stage.CREATING, 2, trouble=Trouble("AllReplicasReady", "All is well.", "p"))
    assert condition(found, "Ready")[0] == "False"


def test_a_change_that_waits_does_not_hide_that_the_pods_fail() -> None:
    found = Situation(Stage.PENDING, 2, deployment=replace(DONE, ready=0, available=0), trouble=PULL)
    status, reason, message = condition(found, "Ready")
    assert (status, reason) == ("False", "UpdatePending")
    assert message.endswith("Pod p: No such image. Correct image.tag.")


def test_a_count_of_zero_that_no_autoscaler_ends_is_a_person_s_turn() -> None:
    found = Situation(Stage.ASLEEP, 0, autoscaler={})
    status, reason, message = condition(found, "Stalled")
    assert (status, reason) == ("True", "ScaledToZero")
    assert "Scale it to autoscaling.minReplicas" in message
    assert "The spec asks" not in condition(found, "Available")[2]


def test_a_paused_deployment_does_not_move_by_itself() -> None:
    paused = replace(DONE, updated=0, progress_reason="DeploymentPaused")
    status, _, message = condition(Situation(Stage.ROLLING, 2, deployment=paused), "Stalled")
    assert status == "True"
    assert message.endswith("Run `kubectl rollout resume` on it.")
    assert not paused.is_changing, "it takes no slot"
    assert condition(Situation(Stage.COMPLETE, 2, deployment=replace(paused, updated=2)), "Stalled")[0] == "False"
