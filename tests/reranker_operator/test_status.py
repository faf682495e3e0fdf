from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from reranker_operator.errors import InvalidSpec
from reranker_operator.pods import PodFacts
from reranker_operator.rollout import Stage
from reranker_operator.situation import Situation
from reranker_operator.status import status_of
from reranker_operator.trouble import Trouble

from .bodies import reranker
from .situations import DONE, LATER, NOW, SITUATIONS, condition


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
