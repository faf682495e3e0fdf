from __future__ import annotations

import asyncio
import copy

import pytest

from reranker_operator.adopt import MANAGED_BY, MANAGER
from reranker_operator.drift import HANDOVER_MANAGER
from reranker_operator.errors import InvalidSpec
from reranker_operator.kinds import Ref
from reranker_operator.pod_answers import UNREACHED_PAUSE_S
from reranker_operator.pods import PodFacts
from reranker_operator.report import SAME_EVENT_PAUSE_S
from reranker_operator.worklist import Requeue

from .bodies import NAMESPACE, deployment, pod, reranker, service
from .fakes import Bench
from .rounds import AUTOSCALER, CLAIM, DEPLOYMENT, SERVICE, complete, in_a_loop, put_pods

FACTS = PodFacts("org/large", "hf://org/large", "abc", "f" * 64, "float16", "cuda", 120.4, 128, 15_411.2)


@in_a_loop
async def test_a_new_resource_becomes_the_chart_s_objects_owned_by_it() -> None:
    bench, products = Bench(), reranker()
    assert await bench.round(products) == Requeue(60)
    assert set(bench.cluster.objects) == {DEPLOYMENT, SERVICE}
    for body in bench.cluster.objects.values():
        assert body["metadata"]["ownerReferences"][0]["uid"] == products.uid
        assert body["metadata"]["labels"][MANAGED_BY] == MANAGER
    assert bench.cluster.status[products.uid]["endpoint"] == "http://products.search.svc:8000"
    assert bench.condition(products, "Ready")["reason"] == "Creating"


@in_a_loop
async def test_the_chart_gets_the_spec_and_the_overlay_and_nothing_else() -> None:
    bench = Bench()
    await bench.round(reranker(model={"source": "demo"}, lifecycle={"suspend": False}))
    expected = {"replicas": 1, "model": {"source": "demo"}, "operator": {"enabled": False}, "scorer": {"enabled": True}}
    assert bench.chart.seen == [expected]


@in_a_loop
async def test_an_idle_round_writes_nothing_even_after_a_restart() -> None:
    bench, products = Bench(), reranker()
    await bench.round(products)
    complete(bench)
    await bench.round(products)
    bench.cluster.writes.clear()
    await bench.round(products)
    bench.restart()
    await bench.round(products)
    await bench.round(products)
    assert bench.cluster.writes == []


@in_a_loop
async def test_a_ready_resource_says_so_with_model_and_capacity() -> None:
    bench, products = Bench(), reranker(replicas=2)
    await bench.round(products)
    complete(bench, 2)
    bench.cluster.facts = PodFacts(
        "org/large", "hf://org/large", "abc", "f" * 64, "float16", "cuda", 120.4, 128, 15_411.2
    )
    put_pods(bench, pod("products-1", is_ready=True), pod("products-2", is_ready=True))
    await bench.round(products)
    await bench.facts.settled()
    await bench.round(products)
    status = bench.cluster.status[products.uid]
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Available": "True",
        "Ready": "True",
        "Stalled": "False",
        "ModelReady": "True",
        "Drifted": "False",
    }
    assert status["ready"] == "2/2"
    assert status["model"]["summary"] == "large@ffffffffffff"
    versions = [
        {"digest": "f" * 64, "precision": "float16", "replicas": 2, "pairsPerSecond": 241, "tokensPerSecond": 30_822}
    ]
    assert status["capacity"] == {
        "summary": "241",
        "pairsPerSecond": 241,
        "tokensPerSecond": 30_822,
        "pairTokens": 128,
        "replicas": 2,
        "versions": versions,
    }
    assert (status["device"], status["precision"]) == ("cuda", "float16")
    bench.cluster.facts = None
    bench.restart()
    await bench.round(products)
    await bench.facts.settled()
    await bench.round(products)
    now = bench.cluster.status[products.uid]
    assert now["model"] == {"summary": "unknown"}, "what it serves is unknown"
    assert bench.condition(products, "ModelReady")["reason"] == "PodsUnreachable"
    assert bench.condition(products, "Ready")["status"] == "True", "a pod out of reach is never a failure"
    bench.cluster.facts = FACTS
    bench.time.now += UNREACHED_PAUSE_S
    await bench.round(products)
    await bench.facts.settled()
    await bench.round(products)
    assert bench.cluster.status[products.uid] == status


@in_a_loop
async def test_pods_that_only_bear_its_labels_are_not_asked_and_change_nothing() -> None:
    bench, products = Bench(), reranker()
    await bench.round(products)
    complete(bench)
    bench.cluster.facts = FACTS
    words = '{"code": "Gated", "message": "Give me the token."}'
    ended = {"name": "scorer", "state": {"terminated": {"exitCode": 1, "message": words}}}
    put_pods(
        bench,
        pod("theirs", controller="", is_ready=True),
        pod("forged", controller="uid-other-set", is_ready=True),
        pod("liar", controller="", containers=[ended]),
    )
    await bench.round(products)
    await bench.facts.settled()
    await bench.round(products)
    status = bench.cluster.status[products.uid]
    assert bench.cluster.asked == []
    assert not {"capacity", "lastFailure", "device", "model"} & status.keys()


@in_a_loop
async def test_a_pod_that_is_relabelled_and_so_released_no_longer_counts() -> None:
    bench, products = Bench(), reranker(replicas=2)
    await bench.round(products)
    complete(bench, 2)
    bench.cluster.facts = FACTS
    put_pods(bench, pod("products-1", is_ready=True), pod("products-2", is_ready=True))
    await bench.round(products)
    await bench.facts.settled()
    put_pods(bench, pod("products-2", instance="for-debugging", controller="", is_ready=True))
    await bench.round(products)
    assert bench.cluster.status[products.uid]["capacity"]["replicas"] == 1


@in_a_loop
async def test_a_kept_object_that_bears_its_labels_and_is_not_its_own_is_not_its_deployment() -> None:
    bench, products = Bench(), reranker()
    theirs = deployment("theirs", replicas=9)
    theirs["metadata"] |= {"namespace": NAMESPACE, "annotations": {"helm.sh/resource-policy": "keep"}}
    theirs["metadata"]["labels"] = {**theirs["metadata"]["labels"], MANAGED_BY: MANAGER}
    theirs["metadata"]["labels"]["app.kubernetes.io/instance"] = products.name
    theirs["status"] = {"replicas": 9, "readyReplicas": 9, "availableReplicas": 9}
    bench.cluster.put(theirs)
    bench.chart.problem = InvalidSpec("bad")
    await bench.round(products)
    assert bench.cluster.status[products.uid]["readyReplicas"] == 0
    assert bench.condition(products, "Available")["status"] == "False"


@in_a_loop
async def test_an_edit_by_hand_is_put_back_and_reported_once() -> None:
    bench, products = Bench(), reranker(replicas=2)
    await bench.round(products)
    bench.cluster.edit(DEPLOYMENT, replicas=7)
    await bench.round(products)
    assert bench.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 2
    bench.cluster.remove(SERVICE)
    await bench.round(products)
    assert SERVICE in bench.cluster.objects
    said = [event.message for event in bench.cluster.events if event.reason == "DriftRepaired"]
    assert said == [
        "Deployment products was changed by another hand, and was put back.",
        "Service products was deleted by another hand, and was made again.",
    ]


@in_a_loop
async def test_the_number_that_the_deployment_s_controller_notes_is_no_edit() -> None:
    bench, products = Bench(), reranker()
    await bench.round(products)
    bench.cluster.objects[DEPLOYMENT]["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
    bench.cluster.put(bench.cluster.objects[DEPLOYMENT])
    bench.cluster.writes.clear()
    await bench.round(products)
    assert [verb for verb, _ in bench.cluster.writes] == []


@in_a_loop
async def test_what_is_no_longer_rendered_is_pruned_and_foreign_objects_are_not() -> None:
    bench, products = Bench(), reranker(autoscaling={"enabled": True})
    await bench.round(products)
    foreign = service("foreign")
    foreign["metadata"] |= {
        "namespace": NAMESPACE,
        "labels": {MANAGED_BY: MANAGER, "app.kubernetes.io/instance": "products"},
    }
    bench.cluster.put(foreign)
    assert AUTOSCALER in bench.cluster.objects
    await bench.round(reranker(replicas=2))
    assert AUTOSCALER not in bench.cluster.objects
    assert Ref("v1", "Service", NAMESPACE, "foreign") in bench.cluster.objects
    assert ("delete", "HorizontalPodAutoscaler products") in bench.cluster.writes


@in_a_loop
async def test_a_claim_is_never_deleted_while_its_reranker_lives() -> None:
    bench = Bench()
    await bench.round(reranker(cache={"type": "pvc"}))
    await bench.round(reranker(cache={"type": "ephemeral"}))
    assert CLAIM in bench.cluster.objects


@in_a_loop
async def test_a_recreated_resource_waits_for_the_children_of_the_former() -> None:
    bench = Bench()
    await bench.round(reranker(uid="uid-1"))
    assert await bench.round(reranker(uid="uid-2")) == Requeue(1)
    assert bench.condition(reranker(uid="uid-2"), "Ready")["reason"] == "FormerChild"
    bench.cluster.remove(DEPLOYMENT)
    bench.cluster.remove(SERVICE)
    assert await bench.round(reranker(uid="uid-2")) == Requeue(60)
    assert bench.cluster.objects[DEPLOYMENT]["metadata"]["ownerReferences"][0]["uid"] == "uid-2"


@in_a_loop
async def test_the_count_is_handed_over_to_an_autoscaler_without_falling_to_one() -> None:
    bench = Bench()
    await bench.round(reranker(replicas=3))
    await bench.round(reranker(replicas=3, autoscaling={"enabled": True}))
    live = bench.cluster.objects[DEPLOYMENT]
    assert live["spec"]["replicas"] == 3
    owners = {entry["manager"]: entry["fieldsV1"]["f:spec"] for entry in live["metadata"]["managedFields"]}
    assert "f:replicas" in owners[HANDOVER_MANAGER]
    assert "f:replicas" not in owners[MANAGER]
    assert "ReplicasHandedOver" in [event.reason for event in bench.cluster.events]


@in_a_loop
async def test_an_autoscaler_does_not_get_a_count_of_zero_which_it_would_leave() -> None:
    bench = Bench()
    await bench.round(reranker(replicas=0))
    complete(bench, 0)
    scaled = reranker(generation=2, replicas=0, autoscaling={"enabled": True})
    await bench.round(scaled)
    await bench.round(scaled)
    assert bench.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 1


@in_a_loop
async def test_the_count_of_an_autoscaler_is_left_to_it_and_taken_back_at_once() -> None:
    bench = Bench()
    scaled = reranker(replicas=3, autoscaling={"enabled": True})
    await bench.round(reranker(replicas=3))
    await bench.round(scaled)
    bench.cluster.edit(DEPLOYMENT, replicas=4)
    await bench.round(scaled)
    assert bench.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 4
    await bench.round(reranker(replicas=2))
    assert bench.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 2


@in_a_loop
async def test_a_suspended_resource_is_left_alone_and_says_so() -> None:
    bench, products = Bench(), reranker(lifecycle={"suspend": True})
    await bench.round(reranker())
    bench.cluster.edit(DEPLOYMENT, replicas=5)
    await bench.round(products)
    assert bench.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 5
    assert bench.condition(products, "Ready")["reason"] == "Suspended"


@in_a_loop
async def test_a_deleted_status_changes_nothing_but_comes_back() -> None:
    bench, products = Bench(), reranker(replicas=2)
    await bench.round(products)
    complete(bench, 2)
    await bench.round(products)
    said = bench.cluster.status.pop(products.uid)
    bench.cluster.writes.clear()
    await bench.round(products)
    assert bench.cluster.writes == [("status", "products")]
    assert bench.cluster.status[products.uid] == said


@in_a_loop
async def test_an_event_is_posted_at_a_turn_and_not_again() -> None:
    bench = Bench()
    for _ in range(5):
        await bench.round(reranker())
    assert [event.reason for event in bench.cluster.events] == ["Created", "Creating"]


@in_a_loop
async def test_an_event_is_not_repeated_for_ten_minutes_and_remembered_no_longer() -> None:
    bench, products = Bench(), reranker()
    for image in ("scorer:1", "scorer:2", "scorer:1", "scorer:2"):
        bench.chart.problem = InvalidSpec(f"{image} is not known")
        await bench.round(products)
        bench.chart.problem = None
        await bench.round(products)
    said = [event.message for event in bench.cluster.events if event.reason == "InvalidSpec"]
    assert len(said) == len(set(said)) == 2
    bench.time.now += SAME_EVENT_PAUSE_S
    bench.chart.problem = InvalidSpec("scorer:1 is not known")
    await bench.round(products)
    assert [event.message for event in bench.cluster.events if event.reason == "InvalidSpec"][2:] == said[:1]
    assert len(next(iter(bench.tracked)).reported.events) == 1


@in_a_loop
async def test_what_is_added_by_hand_stays_and_is_reported_once_by_name_and_field() -> None:
    bench, products = Bench(), reranker()
    await bench.round(products)
    complete(bench)
    await bench.round(products)
    body = copy.deepcopy(bench.cluster.objects[DEPLOYMENT])
    body["spec"]["paused"] = True
    body["metadata"]["managedFields"].append(
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:paused": {}}}}
    )
    bench.cluster.put(body)
    for _ in range(3):
        await bench.round(products)
    assert bench.cluster.objects[DEPLOYMENT]["spec"]["paused"] is True
    drifted = bench.condition(products, "Drifted")
    assert drifted["status"] == "True"
    assert "kubectl-edit set spec.paused of Deployment products. " in drifted["message"]
    reported = [event for event in bench.cluster.events if event.reason == "Drifted"]
    assert [(event.message, event.is_warning) for event in reported] == [(drifted["message"], True)]
    assert [event for event in bench.cluster.events if event.reason == "DriftRepaired"] == []
    body = copy.deepcopy(bench.cluster.objects[DEPLOYMENT])
    del body["spec"]["paused"]
    body["metadata"]["managedFields"] = [
        each for each in body["metadata"]["managedFields"] if each["manager"] != "kubectl-edit"
    ]
    bench.cluster.put(body)
    await bench.round(products)
    assert bench.condition(products, "Drifted")["status"] == "False"


def test_an_error_that_lasts_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()

    async def rounds() -> None:
        for problem in (*[InvalidSpec("replicas is -1")] * 3, None, InvalidSpec("replicas is -1")):
            bench.chart.problem = problem
            await bench.round(reranker())

    asyncio.run(rounds())
    assert [record.getMessage() for record in caplog.records] == ["reconcile_failed"] * 2
