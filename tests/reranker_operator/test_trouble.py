from __future__ import annotations

import json
from typing import Any

import pytest

from reranker_operator.kinds import Ref
from reranker_operator.pods import Pod
from reranker_operator.snapshots import Child
from reranker_operator.trouble import Trouble, of_pods

from .bodies import NAMESPACE, claim, pod

NOW = "2026-01-01T00:00:20Z"
"""20 s after the pods were created."""

LATER = "2026-01-01T00:00:31Z"

CLAIM = Ref("v1", "PersistentVolumeClaim", NAMESPACE, "products-cache")


def trouble_of(body: dict[str, Any]) -> Trouble | None:
    return of_pods([Pod.from_body(body)], [], NOW)


def unscheduled(words: str) -> dict[str, Any]:
    return pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}])


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return pod(containers=[{"name": "scorer", "state": {"waiting": {"reason": reason, "message": message}}}])


def ended(code: int, message: str = "", reason: str = "Error", *, again: bool = False) -> dict[str, Any]:
    last = {"terminated": {"exitCode": code, "message": message, "reason": reason}}
    state = {"waiting": {"reason": "CrashLoopBackOff"}} if again else last
    return pod(containers=[{"name": "scorer", "state": state, "lastState": last if again else {}}])


def test_the_scheduler_is_quoted_and_the_missing_gpu_named() -> None:
    claimed = trouble_of(unscheduled("0/2 nodes are available: 2 cannot allocate all claims."))
    assert claimed is not None
    assert claimed.message.endswith("offers such a device, or correct gpu.claimTemplate.")
    found = trouble_of(unscheduled("0/2 nodes are available: 2 Insufficient nvidia.com/gpu."))
    assert found is not None
    assert found.code == "Unschedulable"
    assert "Add or free a node with nvidia.com/gpu, or set gpu.resource" in found.message


def test_a_claim_that_is_not_bound_names_its_storage_class_once_it_takes_longer_than_a_volume_does() -> None:
    waiting = [Pod.from_body(unscheduled("pod has unbound immediate PersistentVolumeClaims"))]
    claims = [Child.from_body(CLAIM, {**claim(), "metadata": {**claim()["metadata"], "uid": "c"}})]
    assert of_pods(waiting, claims, NOW) is None
    found = of_pods(waiting, claims, LATER)
    assert found is not None
    assert found.code == "ClaimNotBound"
    assert "storage class nfs" in found.message
    assert "ReadWriteMany" in found.message
    assert "cache.storageClass" in found.message


def silent(**spec: Any) -> dict[str, Any]:
    """A pod of which no scheduler has said anything."""
    return {**pod(), "spec": spec}


SHARED = {"volumes": [{"name": "cache", "persistentVolumeClaim": {"claimName": "products-cache"}}]}
OWN = {"volumes": [{"name": "cache", "ephemeral": {"volumeClaimTemplate": {}}}]}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (SHARED, "Claim products-cache waits for storage class nfs"),
        (OWN, "Run `kubectl describe pvc products-1-cache`"),
    ],
)
def test_a_pod_that_waits_in_silence_waits_for_its_volume_after_a_while(spec: dict[str, Any], words: str) -> None:
    claims = (
        [Child.from_body(CLAIM, {**claim(), "metadata": {**claim()["metadata"], "uid": "c"}})] if spec is SHARED else []
    )
    waiting = [Pod.from_body(silent(**spec))]
    assert of_pods(waiting, claims, NOW) is None
    found = of_pods(waiting, claims, LATER)
    assert found is not None
    assert found.code == "ClaimNotBound"
    assert words in found.message


def test_a_pod_without_a_volume_that_waits_in_silence_has_no_scheduler() -> None:
    found = of_pods([Pod.from_body(silent())], [], LATER)
    assert found is not None
    assert found.code == "Unschedulable"
    assert "schedulerName" in found.message


def failed(
    name: str, words: str, *, reason: str = "Evicted", created: str = "2026-01-01T00:00:00Z", template: str = "a"
) -> Pod:
    """A pod that the kubelet gave up 10 s after it was made."""
    body = pod(name, created=created, conditions=[{"type": "DisruptionTarget", "status": "True"}])
    body["metadata"]["labels"]["pod-template-hash"] = template
    body["status"] |= {"phase": "Failed", "reason": reason, "message": words}
    body["status"]["conditions"][0]["lastTransitionTime"] = created.replace(":00Z", ":10Z")
    return Pod.from_body(body)


def made(name: str, created: str, *, template: str = "a", is_ready: bool = False) -> Pod:
    body = pod(name, created=created, is_ready=is_ready)
    body["metadata"]["labels"]["pod-template-hash"] = template
    return Pod.from_body(body)


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ('Usage of EmptyDir volume "cache" exceeds the limit "1Gi". ', "Raise cache.size."),
        ('Usage of EmptyDir volume "shared-memory" exceeds the limit "64Mi". ', "Raise sharedMemorySize."),
        ('Usage of EmptyDir volume "mine" exceeds the limit "1Mi". ', "Raise the sizeLimit of mine in extraVolumes."),
        ("The node was low on resource: memory. ", "Raise resources.requests.memory"),
        ("Container scorer exceeded its local ephemeral storage limit", "resources.limits of ephemeral-storage"),
    ],
)
def test_the_kubelet_s_words_about_an_evicted_pod_are_quoted_with_a_remedy(words: str, remedy: str) -> None:
    found = of_pods([failed("old", words)], [], NOW)
    assert found is not None
    assert (found.code, found.pod) == ("Evicted", "old")
    assert words.strip() in found.message
    assert remedy in found.message


def test_another_end_by_the_kubelet_is_reported_with_its_reason() -> None:
    found = of_pods([failed("old", "Pod was rejected", reason="NodeAffinity")], [], NOW)
    assert found is not None
    assert found.code == "PodFailed"
    assert "(NodeAffinity). Pod was rejected. See" in found.message


FULL = 'Usage of EmptyDir volume "cache" exceeds the limit "1Gi".'


@pytest.mark.parametrize(
    ("younger", "is_reported"),
    [
        ([made("new", "2026-01-01T00:00:11Z")], True),
        ([made("new", "2026-01-01T00:00:11Z", is_ready=True)], False),
        ([made("new", "2026-01-01T00:00:11Z", template="b")], False),
        ([made("new", "2026-01-02T00:00:00Z")], False),
        ([made("new", "2026-01-01T00:00:11Z", is_ready=True), made("newest", "2026-01-01T00:01:00Z")], False),
        ([failed("second", FULL, created="2026-01-01T00:00:11Z"), made("new", "2026-01-01T00:00:22Z")], True),
    ],
)
def test_a_failed_pod_that_is_left_over_colours_no_healthy_rollout(younger: list[Pod], is_reported: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    found = of_pods([failed("old", FULL), *younger], [], NOW)
    assert (found is not None) == is_reported


@pytest.mark.parametrize(
    ("reason", "code", "remedy"),
    [
        (
            "ImagePullBackOff",
            "ImagePull",
            "Correct image.registry, image.repository and image.tag, or name in image.pullSecrets",
        ),
        ("ErrImageNeverPull", "ImagePull", "Correct image.registry"),
        ("InvalidImageName", "InvalidImage", "Correct image.registry"),
        ("CreateContainerConfigError", "ContainerConfig", "Create what is missing"),
    ],
)
def test_why_a_container_does_not_start_is_translated(reason: str, code: str, remedy: str) -> None:
    found = trouble_of(waiting(reason, 'secret "token" not found'))
    assert found is not None
    assert found.code == code
    assert f'secret "token" not found. {remedy}' in found.message


def test_the_termination_message_of_a_scorer_names_keys_of_the_spec() -> None:
    report = json.dumps({"code": "DigestMismatch", "message": "It is another model", "remedy": "Correct expectDigest."})
    found = trouble_of(ended(14, report))
    assert found is not None
    assert found.message == "It is another model. Correct model.digest."


@pytest.mark.parametrize("again", [False, True])
def test_our_own_code_comes_from_the_termination_message(again: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    report = json.dumps({"code": "Gated", "message": "The hub wants a token.", "remedy": "Set secrets.hubToken."})
    found = trouble_of(ended(11, report, again=again))
    assert found == Trouble("Gated", "The hub wants a token. Set secrets.hubToken.", "products-1", "scorer", 11)


def test_what_a_terminal_would_obey_is_not_taken_over() -> None:
    found = trouble_of(ended(1, json.dumps({"code": "Gated", "message": "\x1b[2Jgone\u202e"})))
    assert found is not None
    assert found.message == "[2Jgone."


def test_a_kill_for_memory_is_reported_with_the_remedy() -> None:
    found = trouble_of(ended(137, reason="OOMKilled", again=True))
    assert found is not None
    assert found.code == "OutOfMemory"
    assert "resources.limits.memory" in found.message


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


@pytest.mark.parametrize("code", ["AllReplicasReady", "Creating", "Suspended", "ClusterUnavailable", "PodsRefused"])
def test_a_pod_does_not_speak_for_the_operator(code: str) -> None:
    found = trouble_of(ended(1, json.dumps({"code": code, "message": "All is well."}), again=True))
    assert found is not None
    assert found.code == "ProcessEnded"
    assert "All is well" not in found.message


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
    found = of_pods([Pod.from_body(new), Pod.from_body(old)], [], NOW)
    assert found is not None
    assert found.pod == "new"
