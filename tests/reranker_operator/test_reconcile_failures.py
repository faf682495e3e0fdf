from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reranker_operator.errors import ClusterUnavailable, InvalidSpec, RefusedByCluster, RenderFailed
from reranker_operator.worklist import Requeue, Retry

from .bodies import NAMESPACE, deployment, reranker
from .fakes import Bench
from .rounds import DEPLOYMENT, complete, in_a_loop


@in_a_loop
async def test_a_refused_spec_leaves_the_workload_as_it_is() -> None:
    bench, products = Bench(), reranker()
    await bench.round(products)
    complete(bench)
    bench.chart.problem = InvalidSpec("replicas is -1", remedy="Mend the spec.")
    before = dict(bench.cluster.objects)
    assert await bench.round(reranker(generation=2)) == Requeue(60)
    assert bench.cluster.objects == before
    ready, stalled = bench.condition(products, "Ready"), bench.condition(products, "Stalled")
    assert (ready["status"], ready["reason"], ready["message"]) == (
        "False",
        "InvalidSpec",
        "replicas is -1. Mend the spec.",
    )
    assert stalled["status"] == "True"
    assert bench.condition(products, "Available")["status"] == "True"


@in_a_loop
async def test_a_spec_that_asks_for_too_much_is_not_even_rendered() -> None:
    bench, products = Bench(), reranker()
    await bench.round(products)
    complete(bench)
    before, rendered = dict(bench.cluster.objects), len(bench.chart.seen)
    assert await bench.round(reranker(generation=2, secrets={"hubToken": {"name": "payments"}})) == Requeue(60)
    assert (bench.cluster.objects, len(bench.chart.seen)) == (before, rendered)
    ready = bench.condition(products, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "NotAllowed")
    assert ready["message"].startswith("secrets.hubToken.name is payments, but a Reranker may only name Secrets that")
    assert bench.condition(products, "Stalled")["status"] == "True"
    assert bench.condition(products, "Available")["status"] == "True"


@in_a_loop
async def test_a_refusal_of_one_object_comes_before_any_other_is_touched() -> None:
    bench = Bench()
    await bench.round(reranker())
    bench.cluster.writes.clear()
    bench.cluster.refusals["Deployment"] = [RefusedByCluster("exceeded quota")]
    await bench.round(reranker(generation=2, image={"tag": "scorer:2"}))
    assert [write for write in bench.cluster.writes if write[0] == "apply"] == []
    assert bench.condition(reranker(), "Ready")["reason"] == "RefusedByCluster"


@in_a_loop
async def test_an_object_of_a_helm_release_is_refused_and_left_alone() -> None:
    bench = Bench()
    theirs = deployment()
    theirs["metadata"]["namespace"] = NAMESPACE
    bench.cluster.put(theirs)
    before = bench.cluster.objects[DEPLOYMENT]
    await bench.round(reranker())
    assert bench.cluster.objects[DEPLOYMENT] == before
    assert bench.condition(reranker(), "Ready")["reason"] == "NotOwned"
    assert bench.condition(reranker(), "Stalled")["status"] == "True"


@pytest.mark.parametrize("problem", [RenderFailed("helm hung"), ClusterUnavailable("503")])
def test_what_may_pass_is_tried_again_with_growing_pauses(problem: Any) -> None:
    bench = Bench()
    bench.chart.problem = problem
    assert asyncio.run(bench.round(reranker())) == Retry()
    assert bench.condition(reranker(), "Stalled")["status"] == "False"


@in_a_loop
async def test_a_pause_that_the_api_server_asks_for_is_kept() -> None:
    bench = Bench()
    bench.cluster.refusals["Service"] = [ClusterUnavailable("429", retry_after_s=7)]
    assert await bench.round(reranker()) == Requeue(7)


@in_a_loop
async def test_a_status_that_is_refused_is_tried_again_and_stops_nothing() -> None:
    bench = Bench()
    bench.cluster.refusals["status"] = [RefusedByCluster("no such field")]
    assert await bench.round(reranker()) == Retry()
    assert DEPLOYMENT in bench.cluster.objects
    assert await bench.round(reranker()) == Requeue(60)


@in_a_loop
async def test_the_address_of_a_spec_that_is_refused_is_not_reported() -> None:
    bench, first, second = Bench(), reranker("first", uid="uid-1"), reranker("second", uid="uid-2")
    await bench.round(first)
    await bench.round(second)
    before = bench.cluster.status["uid-1"]
    await bench.round(reranker("first", uid="uid-1", generation=2, fullnameOverride="second"))
    assert bench.condition(first, "Ready")["reason"] == "NotOwned"
    after = bench.cluster.status["uid-1"]
    assert (after["endpoint"], after["selector"]) == (before["endpoint"], before["selector"])
    await bench.round(reranker("first", uid="uid-1", generation=3))
    assert bench.cluster.status["uid-1"]["endpoint"] == "http://first.search.svc:8000"


@in_a_loop
async def test_a_bug_of_the_operator_does_not_leave_the_status_of_before() -> None:
    bench = Bench()
    await bench.round(reranker())
    complete(bench)
    await bench.round(reranker())
    assert bench.condition(reranker(), "Ready")["status"] == "True"
    bench.chart.bug = KeyError("name")
    assert await bench.round(reranker(generation=2)) == Retry()
    ready = bench.condition(reranker(), "Ready")
    assert (ready["status"], ready["reason"], ready["observedGeneration"]) == ("False", "OperatorFault", 2)
    assert "met a KeyError" in ready["message"]
    assert bench.condition(reranker(), "Available")["status"] == "True"
