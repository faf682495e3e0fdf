"""Rounds in which the model changes, on a cluster in memory."""

from __future__ import annotations

import json
from typing import Any

from reranker_operator.errors import ClusterUnavailable
from reranker_operator.kinds import Ref, ref_of
from reranker_operator.pods import Download, PodFacts
from reranker_operator.resource import Reranker

from .bodies import NAMESPACE, pod, replica_set, reranker
from .fakes import Bench
from .rounds import DEPLOYMENT, complete, image_of, in_a_loop

GATED = {"code": "Gated", "message": "The repository is gated.", "remedy": "Accept its terms."}
RECORD = "bge-reranker.io/model-change"


def job_ref(revision: str) -> Ref:
    return Ref("batch/v1", "Job", NAMESPACE, f"products-fetch-{revision}")


def products(
    revision: str, *, shared: bool = False, annotations: dict[str, str] | None = None, **spec: Any
) -> Reranker:
    cache = {"type": "pvc" if shared else "ephemeral"}
    model = {"source": "hf://org/model", "revision": revision}
    return reranker(annotations=annotations, **{"model": model, "cache": cache, "replicas": 2, **spec})


def revision_of(bench: Bench) -> str:
    template = bench.cluster.objects[DEPLOYMENT]["spec"]["template"]
    return str(json.loads(template["metadata"]["annotations"]["bge-reranker.io/model"])["revision"])


def record_of(bench: Bench) -> dict[str, Any]:
    annotations = bench.cluster.objects[DEPLOYMENT]["metadata"].get("annotations") or {}
    found: dict[str, Any] = json.loads(annotations.get(RECORD, "{}"))
    return found


async def serving(revision: str = "a", *, shared: bool = False) -> Bench:
    """A Reranker whose two pods serve a version."""
    bench = Bench()
    await bench.round(products(revision, shared=shared))
    complete(bench, 2)
    await bench.round(products(revision, shared=shared))
    return bench


def new_pod(bench: Bench, *, revision: int, name: str = "products-new", **parts: Any) -> None:
    """The controller has seen the change, and a pod of the new template is there while both old ones serve."""
    metadata = bench.cluster.objects[DEPLOYMENT]["metadata"]
    metadata.setdefault("annotations", {})["deployment.kubernetes.io/revision"] = str(revision)
    counts = {"replicas": 3, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2}
    updated = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
    bench.cluster.say(DEPLOYMENT, observedGeneration=metadata["generation"], conditions=[updated], **counts)
    uid = f"uid-set-{revision}"
    template = bench.cluster.objects[DEPLOYMENT]["spec"]["template"]
    for body in (
        replica_set(metadata["uid"], uid=uid, revision=revision, template=template),
        pod(name, controller=uid, **parts),
    ):
        bench.cluster.children.put(ref_of(body), body)


def ended(words: dict[str, Any], container: str = "scorer") -> list[dict[str, Any]]:
    return [{"name": container, "state": {"terminated": {"exitCode": 1, "message": json.dumps(words)}}}]


def of_the_job(bench: Bench, revision: str, **parts: Any) -> None:
    """A pod of the Job that fetches."""
    body = pod("fetcher", controller=bench.cluster.objects[job_ref(revision)]["metadata"]["uid"], **parts)
    body["metadata"]["ownerReferences"][0]["kind"] = "Job"
    bench.cluster.children.put(ref_of(body), body)


def metric(bench: Bench, code: str) -> float:
    return bench.metrics.registry.get_sample_value("bge_reranker_operator_model_changes_total", {"code": code}) or 0.0


@in_a_loop
async def test_a_changed_model_rolls_and_leaves_nothing_on_the_deployment_when_it_is_done() -> None:
    bench = await serving()
    await bench.round(products("b"))
    assert revision_of(bench) == "b"
    assert record_of(bench)["change"]["serving"]["revision"] == "a"
    complete(bench, 2, revision=2)
    await bench.round(products("b"))
    assert record_of(bench) == {}
    assert bench.condition(products("b"), "ModelReady")["status"] == "True"
    assert metric(bench, "Active") == 1
    history = bench.cluster.status["uid-1"]["history"]
    assert [(each["revision"], each["verdict"]) for each in history] == [("b", "Active"), ("a", "Active")]


@in_a_loop
async def test_on_a_shared_volume_a_job_fetches_first_and_tells_how_far_it_is() -> None:
    bench = await serving(shared=True)
    wanted = products("b", shared=True)
    await bench.round(wanted)
    assert revision_of(bench) == "a"
    assert job_ref("b") in bench.cluster.objects
    fetching = [{"name": "fetch-model", "state": {"running": {}}}]
    of_the_job(bench, "b", containers=fetching)
    bench.cluster.downloading = Download(45, 100)
    await bench.round(wanted)
    await bench.downloads.settled()
    await bench.round(wanted)
    assert bench.cluster.status["uid-1"]["state"] == "Fetching 45%"
    assert "45 % are there; 2 of 2 pods serve meanwhile" in bench.condition(wanted, "ModelReady")["message"]
    bench.cluster.say(job_ref("b"), conditions=[{"type": "Complete", "status": "True"}])
    await bench.round(wanted)
    assert revision_of(bench) == "b"
    complete(bench, 2, revision=2)
    await bench.round(wanted)
    await bench.round(wanted)
    assert job_ref("b") not in bench.cluster.objects


@in_a_loop
async def test_waiting_for_a_fetch_writes_nothing() -> None:
    bench = await serving(shared=True)
    for _ in range(2):
        await bench.round(products("b", shared=True))
    bench.cluster.writes.clear()
    bench.cluster.reads.clear()
    for _ in range(3):
        await bench.round(products("b", shared=True))
    assert (bench.cluster.writes, bench.cluster.reads) == ([], [])


@in_a_loop
async def test_a_fetch_that_fails_for_good_leaves_the_pods_alone_and_is_not_tried_again() -> None:
    bench = await serving(shared=True)
    wanted = products("b", shared=True)
    await bench.round(wanted)
    of_the_job(bench, "b", containers=ended(GATED, "fetch-model"))
    await bench.round(wanted)
    assert (revision_of(bench), job_ref("b") in bench.cluster.objects) == ("a", False)
    model_ready, ready, stalled = (bench.condition(wanted, kind) for kind in ("ModelReady", "Ready", "Stalled"))
    assert (model_ready["status"], model_ready["reason"]) == ("False", "Gated")
    assert "Accept its terms." in model_ready["message"]
    assert (ready["reason"], stalled["status"], stalled["reason"]) == ("RolledBack", "True", "Gated")
    assert [event.is_warning for event in bench.cluster.events if event.reason == "Gated"] == [True]
    assert metric(bench, "Gated") == 1
    said = bench.cluster.status.pop("uid-1")
    bench.restart()
    bench.cluster.writes.clear()
    await bench.round(wanted)
    await bench.round(wanted)
    assert bench.cluster.writes == [("status", "products")]
    assert [each["verdict"] for each in bench.cluster.status["uid-1"]["history"]] == ["Gated"]
    assert bench.cluster.status["uid-1"]["conditions"] == said["conditions"]


@in_a_loop
async def test_new_pods_that_fail_for_good_give_way_to_what_served() -> None:
    bench = await serving()
    wanted = products("b")
    await bench.round(wanted)
    new_pod(bench, revision=2, containers=ended(GATED))
    await bench.round(wanted)
    assert revision_of(bench) == "a"
    assert record_of(bench)["verdicts"][0]["code"] == "Gated"
    complete(bench, 2, revision=3)
    await bench.round(wanted)
    assert "change" not in record_of(bench)
    assert bench.cluster.status["uid-1"]["state"] == "RolledBack"
    assert bench.cluster.status["uid-1"]["lastFailure"]["code"] == "Gated"
    assert bench.condition(wanted, "Available")["status"] == "True"
    bench.restart()
    bench.cluster.writes.clear()
    await bench.round(wanted)
    await bench.round(wanted)
    assert [each for each in bench.cluster.writes if each[0] != "status"] == []


@in_a_loop
async def test_the_pod_template_that_served_comes_back_as_it_was_whatever_else_the_spec_changed() -> None:
    bench = await serving()
    metadata = bench.cluster.objects[DEPLOYMENT]["metadata"]
    served = bench.cluster.objects[DEPLOYMENT]["spec"]["template"]
    labelled = {**served["metadata"], "labels": {**served["metadata"]["labels"], "pod-template-hash": "1"}}
    former = replica_set(metadata["uid"], uid="former", template={**served, "metadata": labelled})
    bench.cluster.objects[ref_of(former)] = former
    bench.cluster.children.put(ref_of(former), former)
    wanted = products("b", image={"tag": "scorer:2"}, gate={"name": "g"})
    await bench.round(wanted)
    assert image_of(bench) == "scorer:2"
    new_pod(bench, revision=2, containers=ended(GATED))
    await bench.round(wanted)
    assert bench.cluster.objects[DEPLOYMENT]["spec"]["template"] == served
    complete(bench, 2, revision=3)
    for _ in range(2):
        await bench.round(wanted)
    assert bench.cluster.objects[DEPLOYMENT]["spec"]["template"] == served
    assert "change" not in record_of(bench)
    await bench.round(products("b", image={"tag": "scorer:2"}, gate={"name": "g"}, replicas=3))
    assert bench.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 3
    assert bench.cluster.objects[DEPLOYMENT]["spec"]["template"] == served
    await bench.round(products("b", image={"tag": "scorer:3"}))
    assert (revision_of(bench), image_of(bench)) == ("b", "scorer:3"), "other pods are another try"


@in_a_loop
async def test_pods_of_a_former_try_are_not_taken_for_new_ones() -> None:
    bench = await serving()
    await bench.round(products("b"))
    new_pod(bench, revision=2, containers=ended(GATED))
    # Its controller has begun with the next template already.
    annotations = bench.cluster.objects[DEPLOYMENT]["metadata"]["annotations"]
    annotations["deployment.kubernetes.io/revision"] = "3"
    bench.cluster.put(bench.cluster.objects[DEPLOYMENT])
    await bench.round(products("b"))
    assert revision_of(bench) == "b"


@in_a_loop
async def test_what_failed_is_tried_again_when_somebody_asks_or_the_pods_change() -> None:
    bench = await serving()
    await bench.round(products("b"))
    new_pod(bench, revision=2, containers=ended(GATED))
    await bench.round(products("b"))
    complete(bench, 2, revision=3)
    await bench.round(products("b"))
    assert revision_of(bench) == "a"
    await bench.round(products("b", image={"tag": "scorer:2"}))
    assert (revision_of(bench), image_of(bench)) == ("b", "scorer:2")
    await bench.round(products("a"))
    complete(bench, 2, revision=5)
    bench = await serving()
    await bench.round(products("b"))
    new_pod(bench, revision=2, containers=ended(GATED))
    await bench.round(products("b"))
    complete(bench, 2, revision=3)
    again = products("b", annotations={"bge-reranker.io/retry": "monday"})
    await bench.round(again)
    assert revision_of(bench) == "b"
    complete(bench, 2, revision=4)
    await bench.round(again)
    assert record_of(bench) == {"retry": "monday"}


@in_a_loop
async def test_a_pin_serves_a_kept_version_until_the_model_of_the_spec_changes() -> None:
    bench = await serving("a")
    bench.cluster.facts = PodFacts("org/model", "hf://org/model", "a", "a" * 64, "float16", "cuda", 10.0, 128)
    new_pod(bench, revision=1, name="products-1", is_ready=True)
    complete(bench, 2)
    await bench.round(products("a"))
    await bench.facts.settled()
    await bench.round(products("a"))
    assert bench.cluster.status["uid-1"]["history"][0]["digest"] == "a" * 64
    await bench.round(products("b"))
    complete(bench, 2, revision=2)
    await bench.round(products("b"))
    pinned = {"bge-reranker.io/rollback": "a"}
    await bench.round(products("b", annotations=pinned))
    complete(bench, 2, revision=3)
    await bench.round(products("b", annotations=pinned))
    assert revision_of(bench) == "a"
    model_ready = bench.condition(products("b"), "ModelReady")
    assert (model_ready["status"], model_ready["reason"]) == ("False", "PinnedByAnnotation")
    assert bench.cluster.status["uid-1"]["state"] == "PinnedByAnnotation"
    await bench.round(products("c", annotations=pinned))
    assert revision_of(bench) == "c"


@in_a_loop
async def test_a_pin_on_a_version_that_was_never_kept_is_told_and_changes_nothing() -> None:
    bench = await serving("a")
    await bench.round(products("a", annotations={"bge-reranker.io/rollback": "nonsense"}))
    assert revision_of(bench) == "a"
    said = [event.message for event in bench.cluster.events if event.reason == "RollbackUnknown"]
    assert ["'nonsense'" in each for each in said] == [True]


@in_a_loop
async def test_a_pin_gets_nobody_a_claim_that_a_spec_could_not_name() -> None:
    bench = await serving("a")
    theirs = {"source": "pvc://theirs/model", "revision": "", "digest": ""}
    text = json.dumps(theirs)
    await bench.round(products("a", annotations={"bge-reranker.io/rollback": text}))
    assert revision_of(bench) == "a"
    told = {**theirs, "verdict": "Active", "digest": "d" * 64}
    bench.cluster.status["uid-1"]["history"] = [told]
    await bench.round(products("a", annotations={"bge-reranker.io/rollback": "d" * 12}))
    assert bench.condition(products("a"), "Ready")["reason"] == "NotAllowed"
    assert revision_of(bench) == "a"


@in_a_loop
async def test_a_gate_of_the_failed_version_does_not_touch_pods_that_served_without_it() -> None:
    bench = await serving(shared=True)
    wanted = products("b", shared=True, gate={"name": "g"})
    await bench.round(wanted)
    before = bench.cluster.objects[DEPLOYMENT]["spec"]["template"]
    of_the_job(bench, "b", containers=ended(GATED, "fetch-model"))
    for _ in range(3):
        await bench.round(wanted)
    assert bench.cluster.objects[DEPLOYMENT]["spec"]["template"] == before


@in_a_loop
async def test_a_version_that_comes_back_after_another_gate_failed_is_not_judged_by_it() -> None:
    bench = await serving()
    wanted = products("b", gate={"name": "g"})
    await bench.round(wanted)
    assert (
        bench.cluster.objects[DEPLOYMENT]["spec"]["template"]["metadata"]["annotations"]["bge-reranker.io/gate-hash"]
        == "g"
    )
    new_pod(bench, revision=2, containers=ended(GATED))
    await bench.round(wanted)
    assert revision_of(bench) == "a"
    assert (
        "bge-reranker.io/gate-hash"
        not in bench.cluster.objects[DEPLOYMENT]["spec"]["template"]["metadata"]["annotations"]
    )
    complete(bench, 2, revision=3)
    bench.cluster.writes.clear()
    await bench.round(wanted)
    await bench.round(wanted)
    assert "change" not in record_of(bench)
    assert revision_of(bench) == "a"


@in_a_loop
async def test_a_write_that_fails_loses_nothing_of_what_was_remembered() -> None:
    bench = await serving()
    await bench.round(products("b"))
    bench.cluster.refusals["Deployment"] = [ClusterUnavailable("away"), ClusterUnavailable("away")]
    bench.cluster.edit(DEPLOYMENT, replicas=5)
    await bench.round(products("b"))
    bench.cluster.children.drop(DEPLOYMENT)
    await bench.round(products("b"))
    await bench.round(products("b"))
    assert record_of(bench)["change"]["serving"]["revision"] == "a"


@in_a_loop
async def test_a_change_of_the_model_waits_for_a_slot_and_then_begins() -> None:
    bench = Bench(max_rollouts=1)
    first, second = (reranker(name, uid=f"uid-{name}", model={"source": "demo"}) for name in ("first", "second"))
    for each in (first, second):
        await bench.round(each)
        complete(bench, ref=Ref("apps/v1", "Deployment", NAMESPACE, each.name))
    changed = [reranker(each.name, uid=each.uid, model={"source": "file:///b"}) for each in (first, second)]
    for each in changed:
        await bench.round(each)
    assert bench.condition(changed[1], "Ready")["reason"] == "UpdatePending"
    waits = bench.cluster.objects[Ref("apps/v1", "Deployment", NAMESPACE, "second")]
    assert "serving" not in json.loads(waits["metadata"]["annotations"][RECORD])["change"]
    bench.cluster.reads.clear()
    await bench.round(changed[1])
    assert bench.cluster.reads == [], "waiting costs nothing"
    complete(bench, ref=Ref("apps/v1", "Deployment", NAMESPACE, "first"), revision=2)
    await bench.round(changed[0])
    await bench.round(changed[1])
    begun = bench.cluster.objects[Ref("apps/v1", "Deployment", NAMESPACE, "second")]
    assert json.loads(begun["metadata"]["annotations"][RECORD])["change"]["serving"]["source"] == "demo"


@in_a_loop
async def test_a_suspended_change_stays_where_it_is_and_goes_on_afterwards() -> None:
    bench = await serving()
    await bench.round(products("b"))
    new_pod(bench, revision=2, containers=ended(GATED))
    await bench.round(products("b", lifecycle={"suspend": True}))
    assert revision_of(bench) == "b"
    await bench.round(products("b"))
    assert revision_of(bench) == "a"
