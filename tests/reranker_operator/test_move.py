"""Rounds of a Reranker that gets another Deployment: the new one first, the former away when the new one answers."""

from __future__ import annotations

from typing import Any

import pytest

from reranker_operator.adopt import FULLNAME, HAND_OVER_TO, MANAGED_BY, RESOURCE_POLICY
from reranker_operator.kinds import Ref
from reranker_operator.resource import Reranker

from .bodies import NAMESPACE, deployment, reranker, service
from .fakes import Bench
from .rounds import AUTOSCALER, DEPLOYMENT, SERVICE, complete, deployment_ref, image_of, in_a_loop, service_ref

SECOND = deployment_ref("second")
THIRD = deployment_ref("third")
NEW_AUTOSCALER = Ref("autoscaling/v2", "HorizontalPodAutoscaler", NAMESPACE, "second")


def renamed(name: str = "second", **spec: Any) -> Reranker:
    return reranker(generation=2, fullnameOverride=name, **spec)


async def serving(**spec: Any) -> Bench:
    """A Reranker whose pods answer under its own name."""
    bench, products = Bench(), reranker(**spec)
    await bench.round(products)
    complete(bench, spec.get("replicas", 1))
    await bench.round(products)
    return bench


def leads_to(bench: Bench, ref: Ref = SERVICE) -> str:
    return str(bench.cluster.objects[ref]["spec"]["selector"][FULLNAME])


@in_a_loop
async def test_a_renamed_reranker_keeps_what_serves_until_the_new_pods_answer() -> None:
    bench = await serving()
    await bench.round(renamed())
    assert set(bench.cluster.objects) == {DEPLOYMENT, SERVICE, SECOND, service_ref("second")}
    ready, available = bench.condition(renamed(), "Ready"), bench.condition(renamed(), "Available")
    assert (ready["reason"], available["status"]) == ("Moving", "True")
    assert ready["message"] == ("0 of 1 new pods are ready. Deployment products serves until all are, and then goes.")
    status = bench.cluster.status[renamed().uid]
    assert status["endpoint"] == "http://products.search.svc:8000", "the address that answers"
    complete(bench, ref=SECOND)
    await bench.round(renamed())
    assert set(bench.cluster.objects) == {SECOND, service_ref("second")}
    assert bench.condition(renamed(), "Ready")["status"] == "True"
    assert bench.cluster.status[renamed().uid]["endpoint"] == "http://second.search.svc:8000"


@in_a_loop
async def test_pods_that_never_answer_never_take_the_place_of_those_that_do() -> None:
    bench = await serving()
    wrong = renamed(image={"tag": "wrong"})
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    await bench.round(wrong)
    bench.cluster.say(SECOND, observedGeneration=1, replicas=1, updatedReplicas=1, conditions=[stuck])
    bench.restart()
    for _ in range(3):
        await bench.round(wrong)
    assert DEPLOYMENT in bench.cluster.objects
    assert image_of(bench) == "scorer:1"
    assert bench.condition(wrong, "Ready")["reason"] == "ProgressDeadlineExceeded"
    assert bench.condition(wrong, "Stalled")["status"] == "True"
    await bench.round(reranker(generation=3))
    assert set(bench.cluster.objects) == {DEPLOYMENT, SERVICE}, "the way back takes no time"


@in_a_loop
async def test_a_name_that_never_served_is_left_at_once_for_another() -> None:
    bench = await serving()
    await bench.round(renamed(image={"tag": "wrong"}))
    await bench.round(renamed("third"))
    assert set(bench.cluster.objects) == {DEPLOYMENT, SERVICE, THIRD, service_ref("third")}
    complete(bench, ref=THIRD)
    await bench.round(renamed("third"))
    assert set(bench.cluster.objects) == {THIRD, service_ref("third")}


@in_a_loop
async def test_a_service_with_a_name_of_its_own_leads_to_the_new_pods_when_all_of_them_answer() -> None:
    named: dict[str, Any] = {"service": {"name": "rerank"}, "replicas": 2}
    rerank = service_ref("rerank")
    bench = await serving(**named)
    uid = bench.cluster.objects[rerank]["metadata"]["uid"]
    await bench.round(renamed(**named))
    complete(bench, 1, ref=SECOND)
    await bench.round(renamed(**named))
    assert leads_to(bench, rerank) == "products"
    assert DEPLOYMENT in bench.cluster.objects
    complete(bench, 2, ref=SECOND)
    await bench.round(renamed(**named))
    assert leads_to(bench, rerank) == "second"
    assert bench.cluster.objects[rerank]["metadata"]["uid"] == uid
    order = [write for write in bench.cluster.writes if write[1] in ("Service rerank", "Deployment products")]
    assert order[-2:] == [("apply", "Service rerank"), ("delete", "Deployment products")]


@in_a_loop
async def test_a_service_that_is_deleted_during_a_move_comes_back_to_the_pods_that_answer() -> None:
    named: dict[str, Any] = {"service": {"name": "rerank"}}
    rerank = service_ref("rerank")
    bench = await serving(**named)
    await bench.round(renamed(**named))
    bench.cluster.remove(rerank)
    await bench.round(renamed(**named))
    await bench.round(renamed(**named))
    assert leads_to(bench, rerank) == "products"
    complete(bench, ref=SECOND)
    await bench.round(renamed(**named))
    assert leads_to(bench, rerank) == "second"
    assert bench.cluster.objects[rerank]["metadata"]["labels"][FULLNAME] == "second"


@in_a_loop
async def test_a_service_that_is_to_outlive_its_reranker_is_no_exception() -> None:
    named: dict[str, Any] = {"service": {"name": "rerank", "annotations": {RESOURCE_POLICY: "keep"}}}
    bench = await serving(**named)
    assert "ownerReferences" not in bench.cluster.objects[service_ref("rerank")]["metadata"]
    await bench.round(renamed(**named))
    assert leads_to(bench, service_ref("rerank")) == "products"
    complete(bench, ref=SECOND)
    await bench.round(renamed(**named))
    assert leads_to(bench, service_ref("rerank")) == "second"


@in_a_loop
async def test_a_service_that_is_edited_is_put_right_at_once_even_while_pods_are_away() -> None:
    bench = await serving()
    bench.cluster.say(DEPLOYMENT, observedGeneration=1, replicas=1)
    bench.cluster.edit(SERVICE, selector={"stolen": "yes"})
    await bench.round(reranker())
    assert leads_to(bench) == "products"


@in_a_loop
async def test_an_autoscaled_reranker_moves_with_the_count_that_it_has() -> None:
    scaled: dict[str, Any] = {"autoscaling": {"enabled": True}, "replicas": 3}
    bench = await serving(**scaled)
    bench.cluster.edit(DEPLOYMENT, replicas=4)
    complete(bench, 4)
    await bench.round(renamed(**scaled))
    assert bench.cluster.objects[SECOND]["spec"]["replicas"] == 4
    assert NEW_AUTOSCALER not in bench.cluster.objects, "it would see no load and scale down"
    assert AUTOSCALER in bench.cluster.objects
    complete(bench, 4, ref=SECOND)
    await bench.round(renamed(**scaled))
    assert bench.cluster.objects[SECOND]["spec"]["replicas"] == 4
    assert NEW_AUTOSCALER in bench.cluster.objects
    assert AUTOSCALER not in bench.cluster.objects
    bench.cluster.edit(SECOND, replicas=5)
    await bench.round(renamed(**scaled))
    assert bench.cluster.objects[SECOND]["spec"]["replicas"] == 5, "the count is the autoscaler's"


@in_a_loop
async def test_a_new_name_that_is_somebody_else_s_leaves_all_as_it_is() -> None:
    bench = await serving()
    theirs = deployment("other", fullname="second")
    theirs["metadata"]["namespace"] = NAMESPACE
    bench.cluster.put(theirs)
    before = dict(bench.cluster.objects)
    await bench.round(renamed())
    assert bench.cluster.objects == before
    assert bench.condition(renamed(), "Ready")["reason"] == "NotOwned"
    assert bench.condition(renamed(), "Available")["status"] == "True"


@in_a_loop
async def test_a_deployment_with_a_selector_that_cannot_change_says_how_to_move() -> None:
    bench = await serving()
    bench.cluster.edit(DEPLOYMENT, selector={"matchLabels": {"app": "older"}})
    await bench.round(reranker(image={"tag": "scorer:2"}))
    ready = bench.condition(reranker(), "Ready")
    assert ready["reason"] == "RefusedByCluster"
    assert "Set fullnameOverride to a new name" in ready["message"]
    await bench.round(renamed())
    complete(bench, ref=SECOND)
    await bench.round(renamed())
    assert set(bench.cluster.objects) == {SECOND, service_ref("second")}


def of_a_release(**annotations: str) -> dict[str, Any]:
    """The Service of a Helm release called like the Reranker."""
    body = service()
    body["metadata"] |= {"namespace": NAMESPACE, "annotations": annotations}
    return body


HANDED_OVER = {HAND_OVER_TO: "products", RESOURCE_POLICY: "keep"}
BESIDE: dict[str, Any] = {"fullnameOverride": "second", "service": {"name": "products"}}
"""What a Reranker says that takes a release's Service."""


@in_a_loop
async def test_a_release_s_service_is_taken_over_when_all_new_pods_answer() -> None:
    bench, taker = Bench(), reranker(replicas=2, **BESIDE)
    bench.cluster.put(of_a_release(**HANDED_OVER))
    uid = bench.cluster.objects[SERVICE]["metadata"]["uid"]
    await bench.round(taker)
    complete(bench, 1, ref=SECOND)
    await bench.round(taker)
    assert leads_to(bench) == "products"
    ready = bench.condition(taker, "Ready")
    assert ready["reason"] == "Moving"
    assert ready["message"] == ("1 of 2 new pods are ready. Service products leads to its former pods until all are.")
    complete(bench, 2, ref=SECOND)
    await bench.round(taker)
    live = bench.cluster.objects[SERVICE]
    assert leads_to(bench) == "second"
    assert live["metadata"]["uid"] == uid, "its address stays"
    assert live["metadata"]["labels"][MANAGED_BY] == "reranker-operator"
    assert live["metadata"]["ownerReferences"][0]["uid"] == taker.uid
    await bench.round(taker)
    assert bench.condition(taker, "Ready")["status"] == "True"


@in_a_loop
async def test_an_autoscaled_reranker_takes_over_with_its_least_count() -> None:
    bench, taker = Bench(), reranker(autoscaling={"enabled": True}, **BESIDE)
    bench.chart.least_replicas = 3
    bench.cluster.put(of_a_release(**HANDED_OVER))
    await bench.round(taker)
    assert bench.cluster.objects[SECOND]["spec"]["replicas"] == 3
    assert NEW_AUTOSCALER not in bench.cluster.objects


@pytest.mark.parametrize(
    "annotations",
    [{}, {HAND_OVER_TO: "products"}, {RESOURCE_POLICY: "keep"}, {**HANDED_OVER, HAND_OVER_TO: "somebody"}],
)
def test_a_service_that_is_not_handed_over_to_this_reranker_is_left_alone(annotations: dict[str, str]) -> None:
    @in_a_loop
    async def check() -> None:
        bench, taker = Bench(), reranker(**BESIDE)
        bench.cluster.put(of_a_release(**annotations))
        before = dict(bench.cluster.objects)
        await bench.round(taker)
        assert bench.cluster.objects == before
        ready = bench.condition(taker, "Ready")
        assert ready["reason"] == "NotOwned"
        assert HAND_OVER_TO in ready["message"]

    check()


@in_a_loop
async def test_nothing_but_a_service_is_handed_over() -> None:
    bench = Bench()
    theirs = deployment()
    theirs["metadata"] |= {"namespace": NAMESPACE, "annotations": HANDED_OVER}
    bench.cluster.put(theirs)
    await bench.round(reranker())
    assert bench.condition(reranker(), "Ready")["reason"] == "NotOwned"


KEPT: dict[str, str] = {RESOURCE_POLICY: "keep"}


def named_rerank(name: str, **annotations: str) -> Reranker:
    """A Reranker with a Service that outlives it."""
    return reranker(name, uid=f"uid-{name}", service={"name": "rerank", "annotations": {**KEPT, **annotations}})


@in_a_loop
async def test_two_rerankers_do_not_take_a_kept_service_from_each_other() -> None:
    bench, first, second = Bench(), named_rerank("first"), named_rerank("second")
    for _ in range(3):
        await bench.round(first)
        await bench.round(second)
    assert leads_to(bench, service_ref("rerank")) == "first"
    assert bench.cluster.writes.count(("apply", "Service rerank")) == 1
    ready = bench.condition(second, "Ready")
    assert ready["reason"] == "NotOwned"
    assert ready["message"].startswith("Service rerank is kept for Reranker first; it is left as it is.")
    assert f"{HAND_OVER_TO}=second" in ready["message"]


@in_a_loop
async def test_a_kept_service_passes_to_the_reranker_that_it_names() -> None:
    bench, first, second = Bench(), named_rerank("first", **{HAND_OVER_TO: "second"}), named_rerank("second")
    await bench.round(first)
    complete(bench, ref=deployment_ref("first"))
    await bench.round(second)
    assert leads_to(bench, service_ref("rerank")) == "first"
    complete(bench, ref=deployment_ref("second"))
    for _ in range(3):
        await bench.round(second)
        await bench.round(first)
    assert leads_to(bench, service_ref("rerank")) == "second"
    assert bench.cluster.writes.count(("apply", "Service rerank")) == 2
    assert bench.condition(first, "Ready")["reason"] == "NotOwned"
