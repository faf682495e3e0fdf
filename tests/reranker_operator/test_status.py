from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reranker_operator.errors import FormerChild, InvalidSpec, OperatorError, RenderFailed
from reranker_operator.rollout import Stage
from reranker_operator.snapshots import DeploymentState, PodFacts
from reranker_operator.status import CONDITION_TYPES, Situation, status_of, verdicts
from reranker_operator.trouble import Trouble

from .bodies import reranker

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
DONE = DeploymentState(2, 2, 2, 2, 2, 2, 2, "NewReplicaSetAvailable", "")
SITUATIONS = st.builds(
    Situation,
    stage=st.sampled_from(Stage),
    count=st.integers(0, 3),
    deployment=st.sampled_from([None, DONE, replace(DONE, ready=0, available=0)]),
    trouble=st.sampled_from([None, Trouble("ImagePull", "no such image", "p"), Trouble("Gated", "401", "p", "c", 11)]),
    error=st.sampled_from([None, InvalidSpec("bad"), RenderFailed("hung")]),
    autoscaler=st.sampled_from([None, {}]),
    unreached=st.integers(0, 2),
    additions=st.sampled_from([(), ("kubectl-edit set spec.paused of Deployment products",)]),
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


PULL = Trouble("ImagePull", "No such image. Correct image.tag.", "p")


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


def test_what_pods_that_do_not_answer_serve_is_unknown() -> None:
    facts = PodFacts("demo", "demo", "", "a" * 64, "float32", "cpu", 1200, 48)
    known = status_of(reranker(), Situation(Stage.COMPLETE, 2, deployment=DONE, facts=(facts,)), NOW)
    assert known["model"]["active"]["digest"] == "a" * 64
    assert known["capacity"]["summary"] == "1200"
    before = reranker(status=known)
    not_asked_yet = status_of(before, Situation(Stage.COMPLETE, 2, deployment=DONE), LATER)
    assert not_asked_yet["model"] == known["model"]
    silent = Situation(Stage.COMPLETE, 2, deployment=DONE, unreached=2)
    said = status_of(before, silent, LATER)
    assert said["model"] == {"summary": "unknown"}
    assert (said["capacity"], said["device"], said["precision"]) == ({"summary": "unknown"}, "unknown", "unknown")
    status, reason, message = condition(silent, "ModelReady")
    assert (status, reason) == ("Unknown", "PodsUnreachable")
    assert "app.kubernetes.io/name=bge-reranker-operator" in message
    asked_again = status_of(reranker(status=said), Situation(Stage.COMPLETE, 2, deployment=DONE), LATER)
    assert asked_again["model"] == {"summary": "unknown"}, "what is not known is not made up"


def test_what_others_have_set_is_told_with_who_and_where() -> None:
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


UNREAD = {"conditions": [{"type": "ScalingActive", "status": "False", "reason": "FailedGetPodsMetric"}]}


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


@pytest.mark.parametrize(
    "found",
    [
        Situation(Stage.CREATING, 1, trouble=Trouble("ImagePull", "\x1b[2Jgone\u202e", "p")),
        Situation(Stage.CREATING, 1, error=InvalidSpec("\x1b[2Jgone\n")),
        Situation(Stage.CREATING, 1, deployment=replace(DONE, ready=0, failure_message="\x1b[2Jgone")),
    ],
)
def test_nothing_in_a_status_is_what_a_terminal_would_obey(found: Situation) -> None:
    status = status_of(reranker(), found, NOW)
    said = [each["message"] for each in status["conditions"]] + [status.get("lastFailure", {}).get("message", "")]
    assert all(words.isprintable() for words in said)
    assert any("gone" in words for words in said)
