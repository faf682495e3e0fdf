"""Rounds of Rerankers that want to change their pods while others do."""

from __future__ import annotations

from typing import Any

import pytest

from reranker_operator.adopt import MANAGED_BY, MANAGER
from reranker_operator.errors import InvalidSpec
from reranker_operator.pod_answers import DOWNLOAD_STEPS
from reranker_operator.pods import Download
from reranker_operator.resource import Reranker
from reranker_operator.worklist import Requeue

from .bodies import NAMESPACE, deployment, pod, reranker
from .fakes import STALL_S, Bench
from .rounds import complete, deployment_ref, image_of, in_a_loop, put_pods, service_ref

FIRST, SECOND = deployment_ref("first"), deployment_ref("second")
STUCK = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
UPDATED = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}


def one(name: str, image: str = "scorer:1", **spec: Any) -> Reranker:
    return reranker(name, uid=f"uid-{name}", image={"tag": image}, **spec)


async def first_changes_and_second_waits() -> Bench:
    """One slot, which the first has; the controller has begun and a pod is there."""
    bench = Bench(max_rollouts=1)
    for each in (one("first"), one("second")):
        await bench.round(each)
        complete(bench, ref=deployment_ref(each.name))
    await bench.round(one("first", "scorer:2"))
    begun(bench)
    assert await bench.round(one("second", "scorer:2")) == Requeue(2)
    assert image_of(bench, SECOND) == "scorer:1"
    return bench


def begun(bench: Bench, **progressing: str) -> None:
    metadata = bench.cluster.objects[FIRST]["metadata"]
    metadata["annotations"] = {"deployment.kubernetes.io/revision": "2"}
    counts = {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    bench.cluster.say(FIRST, observedGeneration=metadata["generation"], conditions=[UPDATED | progressing], **counts)


@in_a_loop
async def test_who_waits_says_for_whom() -> None:
    bench = await first_changes_and_second_waits()
    ready, stalled = (bench.condition(one("second"), kind) for kind in ("Ready", "Stalled"))
    assert ready["reason"] == "UpdatePending"
    assert ready["message"] == (
        "The change of the pods waits; all else that the spec asks for is done. "
        "1 of 1 rollout slots (operator.maxConcurrentRollouts) are held, by search/first."
    )
    assert stalled["status"] == "False"


@in_a_loop
async def test_a_slot_is_free_again_when_a_change_is_complete_or_given_up() -> None:
    bench = await first_changes_and_second_waits()
    bench.cluster.say(FIRST, observedGeneration=2, replicas=2, conditions=[STUCK])
    await bench.round(one("second", "scorer:2"))
    assert image_of(bench, SECOND) == "scorer:2"


@in_a_loop
async def test_all_but_the_pod_template_goes_on_while_it_waits() -> None:
    bench = await first_changes_and_second_waits()
    waits = one("second", "scorer:2", replicas=3)
    bench.cluster.remove(service_ref("second"))
    await bench.round(waits)
    assert service_ref("second") in bench.cluster.objects
    assert bench.cluster.objects[SECOND]["spec"]["replicas"] == 3
    bench.cluster.edit(SECOND, replicas=7)
    await bench.round(waits)
    assert bench.cluster.objects[SECOND]["spec"]["replicas"] == 3
    assert image_of(bench, SECOND) == "scorer:1"
    said = [event.message for event in bench.cluster.events if event.reason == "DriftRepaired"]
    assert said == [
        "Service second was deleted by another hand, and was made again.",
        "Deployment second was changed by another hand, and was put back.",
    ]
    complete(bench, ref=FIRST)
    await bench.round(waits)
    assert image_of(bench, SECOND) == "scorer:2"


@in_a_loop
async def test_a_count_is_handed_over_to_an_autoscaler_while_the_template_waits() -> None:
    bench = await first_changes_and_second_waits()
    waits = one("second", "scorer:2", autoscaling={"enabled": True})
    await bench.round(waits)
    bench.cluster.edit(SECOND, replicas=4)
    await bench.round(waits)
    assert bench.cluster.objects[SECOND]["spec"]["replicas"] == 4
    assert image_of(bench, SECOND) == "scorer:1"


@in_a_loop
async def test_waiting_costs_no_request_while_nothing_happens() -> None:
    bench = await first_changes_and_second_waits()
    bench.cluster.writes.clear()
    bench.cluster.reads.clear()
    for _ in range(5):
        bench.time.now += 2
        assert await bench.round(one("second", "scorer:2")) == Requeue(2)
    assert (bench.cluster.writes, bench.cluster.reads) == ([], [])


@in_a_loop
async def test_a_change_whose_pods_get_no_further_holds_up_nobody() -> None:
    bench = await first_changes_and_second_waits()
    for state in ({"waiting": {"reason": "ImagePullBackOff"}}, {"waiting": {"reason": "ErrImagePull"}}) * 4:
        bench.time.now += STALL_S / 8
        begins_anew = pod("first-2", containers=[{"name": "scorer", "state": state}])
        put_pods(bench, begins_anew, ref=FIRST)
        await bench.round(one("second", "scorer:2"))
    assert image_of(bench, SECOND) == "scorer:2"
    bench.cluster.say(FIRST, observedGeneration=2, replicas=2, conditions=[UPDATED])
    assert await bench.round(one("first", "scorer:3")) == Requeue(2), "its correction waits like all others"
    complete(bench, ref=SECOND, revision=2)
    await bench.round(one("first", "scorer:3"))
    assert image_of(bench, FIRST) == "scorer:3"


@in_a_loop
async def test_a_change_whose_pods_get_further_keeps_its_slot() -> None:
    bench = await first_changes_and_second_waits()
    done: dict[str, Any] = {"terminated": {"exitCode": 0}}
    runs: dict[str, Any] = {"running": {}}
    waits: dict[str, Any] = {"waiting": {"reason": "PodInitializing"}}
    for fetching, serving in ((runs, waits), (done, waits), (done, runs)):
        bench.time.now += STALL_S - 1
        states = [{"name": "fetch-model", "state": fetching}, {"name": "scorer", "state": serving}]
        body = pod("first-2", containers=states)
        put_pods(bench, body, ref=FIRST)
        await bench.round(one("second", "scorer:2"))
        assert image_of(bench, SECOND) == "scorer:1"


@in_a_loop
async def test_a_change_whose_download_grows_keeps_its_slot_and_one_whose_download_hangs_does_not() -> None:
    bench = await first_changes_and_second_waits()
    fetching = [{"name": "fetch-model", "state": {"running": {}}}, {"name": "scorer", "state": {"waiting": {}}}]
    put_pods(bench, pod("first-2", containers=fetching), ref=FIRST)
    for gigabytes in range(5):
        bench.cluster.downloading = Download(gigabytes * 10**9, 10**10)
        bench.time.now += STALL_S / 2
        await bench.round(one("second", "scorer:2"))
        await bench.downloads.settled()
        await bench.round(one("second", "scorer:2"))
        assert image_of(bench, SECOND) == "scorer:1"
    for _ in range(3):
        bench.time.now += STALL_S / 2
        await bench.round(one("second", "scorer:2"))
        await bench.downloads.settled()
    assert image_of(bench, SECOND) == "scorer:2"


@pytest.mark.parametrize("total_bytes", [0, 10**10])
def test_a_download_that_is_made_up_keeps_its_slot_for_no_longer_than_what_it_said_first_lasts(
    total_bytes: int,
) -> None:
    @in_a_loop
    async def check() -> None:
        bench = await first_changes_and_second_waits()
        fetching = [{"name": "fetch-model", "state": {"running": {}}}, {"name": "scorer", "state": {"waiting": {}}}]
        put_pods(bench, pod("first-2", containers=fetching), ref=FIRST)
        begun_at, made_up = bench.time.now, 0
        while image_of(bench, SECOND) == "scorer:1":
            made_up += 10**8
            bench.cluster.downloading = Download(made_up, total_bytes and total_bytes + 2 * made_up)
            bench.time.now += STALL_S / 2
            await bench.round(one("second", "scorer:2"))
            await bench.downloads.settled()
        assert bench.time.now - begun_at <= (2 + (DOWNLOAD_STEPS if total_bytes else 0)) * STALL_S

    check()


@in_a_loop
async def test_no_other_container_says_how_far_the_download_is() -> None:
    bench = await first_changes_and_second_waits()
    theirs = [{"name": "theirs", "state": {"running": {}}}, {"name": "fetch-model", "state": {"waiting": {}}}]
    put_pods(bench, pod("first-2", containers=theirs), ref=FIRST)
    for gigabytes in range(3):
        bench.cluster.downloading = Download(gigabytes * 10**9, 10**10)
        bench.time.now += STALL_S / 2
        await bench.round(one("second", "scorer:2"))
        await bench.downloads.settled()
    assert image_of(bench, SECOND) == "scorer:2"


@in_a_loop
async def test_suspending_a_change_gives_its_slot_back() -> None:
    bench = await first_changes_and_second_waits()
    await bench.round(one("first", "scorer:2", lifecycle={"suspend": True}))
    await bench.round(one("second", "scorer:2"))
    assert image_of(bench, SECOND) == "scorer:2"


@pytest.mark.parametrize("way", ["suspended", "deleted", "refused"])
def test_who_cannot_use_a_slot_is_not_waited_for(way: str) -> None:
    @in_a_loop
    async def check() -> None:
        bench = await first_changes_and_second_waits()
        third = one("third")
        await bench.round(third)
        complete(bench, ref=deployment_ref("third"))
        bench.time.now += 1
        await bench.round(one("third", "scorer:2"))
        bench.chart.problem = InvalidSpec("not like this") if way == "refused" else None
        if way == "deleted":
            bench.tracked.forget(one("second"))
        else:
            await bench.round(one("second", "scorer:2", lifecycle={"suspend": way == "suspended"}))
        bench.chart.problem = None
        complete(bench, ref=FIRST)
        await bench.round(one("third", "scorer:2"))
        assert image_of(bench, deployment_ref("third")) == "scorer:2"

    check()


@in_a_loop
async def test_a_new_process_knows_who_changes() -> None:
    bench = await first_changes_and_second_waits()
    bench.restart()
    await bench.round(one("second", "scorer:2"))
    assert image_of(bench, SECOND) == "scorer:1"


@in_a_loop
async def test_a_new_process_does_not_wait_for_who_stalled_before_it_began() -> None:
    bench = await first_changes_and_second_waits()
    long_ago, later = "2025-12-31T23:50:00Z", "2025-12-31T23:55:01Z"
    runs = {"name": "scorer", "state": {"running": {"startedAt": later}}, "restartCount": 0}
    for restarts, image in ((0, "scorer:1"), (9, "scorer:2")):
        begun(bench, lastUpdateTime=long_ago)
        put_pods(bench, pod("first-2", containers=[{**runs, "restartCount": restarts}]), ref=FIRST)
        bench.restart()
        await bench.round(one("second", "scorer:2"))
        assert image_of(bench, SECOND) == image, "a container that begins anew is no progress"


@in_a_loop
async def test_a_change_that_is_taken_back_waits_no_longer() -> None:
    bench = await first_changes_and_second_waits()
    assert await bench.round(one("second")) == Requeue(60)
    assert bench.condition(one("second"), "Ready")["reason"] == "AllReplicasReady"


@in_a_loop
async def test_a_deployment_that_only_bears_labels_takes_no_slot() -> None:
    bench = Bench(max_rollouts=1)
    for each in (one("first"), one("second")):
        await bench.round(each)
        complete(bench, ref=deployment_ref(each.name))
    forged = deployment("first", fullname="forged")
    forged["metadata"] |= {"namespace": NAMESPACE, "annotations": {"deployment.kubernetes.io/revision": "7"}}
    forged["metadata"]["labels"][MANAGED_BY] = MANAGER
    counts = {"replicas": 2, "updatedReplicas": 1, "availableReplicas": 1}
    forged["status"] = {"observedGeneration": 9, "conditions": [UPDATED], **counts}
    bench.cluster.put(forged)
    assert await bench.round(one("first")) == Requeue(60)
    await bench.round(one("second", "scorer:2"))
    assert image_of(bench, SECOND) == "scorer:2"
