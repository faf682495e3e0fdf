from __future__ import annotations

import json
from typing import Any

import pytest

from reranker_operator.kinds import Ref
from reranker_operator.snapshots import Child, Pod
from reranker_operator.trouble import Trouble, of_pods

from .bodies import NAMESPACE, claim, pod

CLAIM = Ref("v1", "PersistentVolumeClaim", NAMESPACE, "products-cache")


def trouble_of(body: dict[str, Any], *claims: dict[str, Any]) -> Trouble | None:
    children = [
        Child.from_body(CLAIM, {**each, "metadata": {**each["metadata"], "uid": "c"}, "status": {"phase": "Pending"}})
        for each in claims
    ]
    return of_pods([Pod.from_body(body)], children)


def unscheduled(words: str) -> dict[str, Any]:
    return pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}])


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return pod(containers=[{"name": "scorer", "state": {"waiting": {"reason": reason, "message": message}}}])


def ended(code: int, message: str = "", reason: str = "Error", *, again: bool = False) -> dict[str, Any]:
    last = {"terminated": {"exitCode": code, "message": message, "reason": reason}}
    state = {"waiting": {"reason": "CrashLoopBackOff"}} if again else last
    return pod(containers=[{"name": "scorer", "state": state, "lastState": last if again else {}}])


def test_the_scheduler_is_quoted_and_the_missing_gpu_named() -> None:
    found = trouble_of(unscheduled("0/2 nodes are available: 2 Insufficient nvidia.com/gpu."))
    assert found is not None
    assert found.code == "Unschedulable"
    assert "No node has a free nvidia.com/gpu" in found.message


def test_a_claim_that_is_not_bound_names_its_storage_class() -> None:
    found = trouble_of(unscheduled("pod has unbound immediate PersistentVolumeClaims"), claim())
    assert found is not None
    assert found.code == "ClaimNotBound"
    assert "storage class nfs" in found.message
    assert "ReadWriteMany" in found.message


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("ImagePullBackOff", "ImagePull"),
        ("ErrImageNeverPull", "ImagePull"),
        ("InvalidImageName", "InvalidImage"),
        ("CreateContainerConfigError", "ContainerConfig"),
    ],
)
def test_why_a_container_does_not_start_is_translated(reason: str, code: str) -> None:
    found = trouble_of(waiting(reason, 'secret "token" not found'))
    assert found is not None
    assert found.code == code
    assert 'secret "token" not found' in found.message


@pytest.mark.parametrize("again", [False, True])
def test_our_own_code_comes_from_the_termination_message(again: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    told = json.dumps({"code": "Gated", "message": "The hub wants a token.", "remedy": "Set secrets.hubToken."})
    found = trouble_of(ended(11, told, again=again))
    assert found == Trouble("Gated", "The hub wants a token. Set secrets.hubToken.", "products-1", "scorer", 11)
    assert found.is_final


def test_what_a_terminal_would_obey_is_not_taken_over() -> None:
    found = trouble_of(ended(1, json.dumps({"code": "Gated", "message": "\x1b[2Jgone\u202e"})))
    assert found is not None
    assert found.message == " [2Jgone "


def test_a_kill_for_memory_is_told_with_the_remedy() -> None:
    found = trouble_of(ended(137, reason="OOMKilled", again=True))
    assert found is not None
    assert found.code == "OutOfMemory"
    assert "resources.limits.memory" in found.message
    assert not found.is_final


NOT_OURS = [
    *("", "Traceback", "[]", '{"code": 1}', "null", "[" * 4096),
    *('{"code": "no code", "message": "x"}', '{"code": "C%s", "message": "x"}' % ("c" * 300)),
    *('{"code": "Gated", "message": {}}', '{"code": "Gated", "message": "x", "remedy": NaN}'),
]


@pytest.mark.parametrize("message", NOT_OURS)
def test_any_other_end_names_the_command_that_shows_more(message: str) -> None:
    found = trouble_of(ended(1, message, again=True))
    assert found is not None
    assert found.code == "ProcessEnded"
    assert "kubectl logs products-1 -c scorer --previous" in found.message


def test_a_process_that_ends_well_again_and_again_is_trouble_too() -> None:
    found = trouble_of(ended(0, reason="Completed", again=True))
    assert found is not None
    assert (found.code, found.exit_code) == ("ProcessEnded", 0)
    assert trouble_of(ended(0, reason="Completed")) is None


def test_a_pod_that_starts_or_is_ready_has_no_trouble() -> None:
    assert trouble_of(waiting("ContainerCreating")) is None
    assert trouble_of({**ended(1, again=True), "status": pod(is_ready=True)["status"]}) is None


def test_the_youngest_pod_is_of_the_newest_template() -> None:
    old = pod(
        "old", created="2026-01-01T00:00:00Z", containers=waiting("ImagePullBackOff")["status"]["containerStatuses"]
    )
    new = pod("new", created="2026-01-02T00:00:00Z", containers=ended(12, again=True)["status"]["containerStatuses"])
    found = of_pods([Pod.from_body(new), Pod.from_body(old)], [])
    assert found is not None
    assert found.pod == "new"
