"""Rounds in which a new version is compared beside the one that serves, on a cluster in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reranker_operator.kinds import ref_of
from reranker_operator.pods import PodFacts, ShadowFacts
from reranker_operator.resource import Reranker

from .bodies import deployment, pod, replica_set, versioned
from .fakes import Bench
from .rounds import DEPLOYMENT, complete, deployment_ref, in_a_loop, put_pods
from .test_model_rounds import metric, products, record_of, revision_of

SHADOW = deployment_ref("products-shadow")
DEMANDS = {"minDurationSeconds": 0, "minComparisons": 100, "minKendallTau": 0.9}
DIGEST = "b" * 64
VERSION_A = versioned(deployment(), {"source": "hf://org/model", "revision": "a"}, {})["spec"]["template"]
FACTS = PodFacts("model", "hf://org/model", "b", DIGEST, "float32", "cpu", 10.0, 128)


def wanted(revision: str, **spec: Any) -> Reranker:
    return products(revision, rollout={"shadow": DEMANDS}, **spec)


def compared(count: int, tau: float) -> PodFacts:
    """What every pod says: the shadow that it is this version, those that serve how they agree with it."""
    return replace(FACTS, shadow=ShadowFacts(DIGEST, count, count, tau, 0.01))


async def looked(bench: Bench, reranker: Reranker) -> None:
    """A round, the answers of the pods that it asked, and the round that these bring about."""
    await bench.round(reranker)
    await bench.facts.settled()
    await bench.round(reranker)


async def shadowing(facts: PodFacts | None = None) -> Bench:
    """Version a serves, b is wanted, and its shadow is ready."""
    bench = Bench()
    await bench.round(wanted("a"))
    complete(bench, 2)
    put_pods(bench, pod("products-1", is_ready=True), pod("products-2", is_ready=True))
    await bench.round(wanted("a"))
    assert SHADOW not in bench.cluster.objects
    await bench.round(wanted("b"))
    complete(bench, ref=SHADOW)
    sets = replica_set(bench.cluster.objects[SHADOW]["metadata"]["uid"], uid="uid-shadow-set")
    for body in (sets, pod("products-shadow-1", controller="uid-shadow-set", is_ready=True)):
        bench.cluster.children.put(ref_of(body), body)
    bench.cluster.facts = facts
    return bench


def condition(bench: Bench, kind: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = bench.cluster.status["uid-1"]["conditions"]
    return next(each for each in found if each["type"] == kind)


@in_a_loop
async def test_a_new_version_gets_a_deployment_of_its_own_while_the_former_serves() -> None:
    bench = await shadowing()
    assert revision_of(bench) == "a"
    owners = bench.cluster.objects[SHADOW]["metadata"]["ownerReferences"]
    assert [each["uid"] for each in owners] == ["uid-1"]
    assert (condition(bench, "Ready")["reason"], condition(bench, "Available")["status"]) == ("Shadowing", "True")
    assert condition(bench, "Stalled")["status"] == "False"
    assert bench.cluster.status["uid-1"]["history"][0]["verdict"] == "Shadowing"
    assert bench.cluster.status["uid-1"]["replicas"] == 2, "pods of the shadow are none of the replicas"


@in_a_loop
async def test_turning_it_on_with_the_change_has_serving_pods_feed_first() -> None:
    bench = Bench()
    await bench.round(products("a"))
    complete(bench, 2)
    await bench.round(products("a"))
    await bench.round(wanted("b"))
    template = bench.cluster.objects[DEPLOYMENT]["spec"]["template"]["metadata"]["annotations"]
    assert (revision_of(bench), template["bge-reranker.io/shadow"]) == ("a", "fed")
    assert SHADOW in bench.cluster.objects
    complete(bench, 2, revision=2)
    await bench.round(wanted("b"))
    assert (revision_of(bench), condition(bench, "Ready")["reason"]) == ("a", "Shadowing")


@in_a_loop
async def test_a_version_that_agrees_is_rolled_and_its_shadow_is_deleted() -> None:
    bench = await shadowing(compared(60, 0.95))
    await looked(bench, wanted("b"))
    await bench.round(wanted("b"))
    assert revision_of(bench) == "b"
    assert SHADOW not in bench.cluster.objects
    change = record_of(bench)["change"]
    assert (change["was_compared"], change["serving"]["revision"]) == (True, "a")


@in_a_loop
async def test_a_version_that_ranks_otherwise_ends_for_good_and_leaves_nothing() -> None:
    bench = await shadowing(compared(60, 0.5))
    await looked(bench, wanted("b"))
    await bench.round(wanted("b"))
    assert (revision_of(bench), SHADOW in bench.cluster.objects) == ("a", False)
    ready = condition(bench, "ModelReady")
    assert (ready["status"], ready["reason"]) == ("False", "ShadowFailed")
    assert "0.5000 on 120 live requests" in ready["message"], "both pods that serve are counted"
    assert metric(bench, "ShadowFailed") == 1
    writes = len(bench.cluster.writes)
    await bench.round(wanted("b"))
    assert len(bench.cluster.writes) == writes, "an end stays as it is"


@in_a_loop
async def test_pods_that_serve_are_asked_again_for_what_they_found() -> None:
    bench = await shadowing(compared(10, 0.95))
    await looked(bench, wanted("b"))
    assert revision_of(bench) == "a"
    bench.cluster.facts = compared(50, 0.95)
    await looked(bench, wanted("b"))
    assert revision_of(bench) == "a", "an answer counts for a while"
    bench.time.now += 21
    await looked(bench, wanted("b"))
    assert revision_of(bench) == "b"


@in_a_loop
async def test_what_was_found_about_another_version_does_not_count() -> None:
    bench = await shadowing(replace(FACTS, shadow=ShadowFacts("c" * 64, 500, 500, 1.0, 0.0)))
    await looked(bench, wanted("b"))
    assert (revision_of(bench), SHADOW in bench.cluster.objects) == ("a", True)


@in_a_loop
async def test_a_new_process_and_a_deleted_status_change_nothing() -> None:
    bench = await shadowing(compared(60, 0.95))
    await bench.round(wanted("b"))
    since = record_of(bench)["change"]["shadowed_since"]
    bench.restart()
    bench.cluster.status.clear()
    bench.cluster.facts = compared(10, 0.95)
    await looked(bench, wanted("b"))
    assert (record_of(bench)["change"]["shadowed_since"], SHADOW in bench.cluster.objects) == (since, True)
    bench.restart()
    bench.cluster.facts = compared(60, 0.95)
    await looked(bench, wanted("b"))
    assert revision_of(bench) == "b"


@in_a_loop
async def test_another_wish_in_the_middle_changes_the_shadow_alone() -> None:
    bench = await shadowing(compared(10, 0.95))
    await looked(bench, wanted("b"))
    await bench.round(wanted("c"))
    template = bench.cluster.objects[SHADOW]["spec"]["template"]["metadata"]["annotations"]
    assert '"revision": "c"' in template["bge-reranker.io/model"]
    assert revision_of(bench) == "a"
    assert "shadowed_since" not in record_of(bench)["change"]


@in_a_loop
async def test_a_wish_taken_back_deletes_the_shadow() -> None:
    bench = await shadowing()
    await bench.round(wanted("a"))
    assert SHADOW not in bench.cluster.objects
    assert record_of(bench) == {}
    assert condition(bench, "Ready")["reason"] == "AllReplicasReady"


@in_a_loop
async def test_while_it_is_suspended_the_shadow_stays_and_then_goes_on() -> None:
    bench = await shadowing(compared(60, 0.95))
    suspended = wanted("b", lifecycle={"suspend": True})
    await looked(bench, suspended)
    assert (revision_of(bench), SHADOW in bench.cluster.objects) == ("a", True)
    await looked(bench, wanted("b"))
    await bench.round(wanted("b"))
    assert (revision_of(bench), SHADOW in bench.cluster.objects) == ("b", False)


@in_a_loop
async def test_a_pinned_version_is_wanted_at_once_and_compared_with_nothing() -> None:
    bench = await shadowing(compared(60, 0.95))
    await looked(bench, wanted("b"))
    await bench.round(wanted("b"))
    complete(bench, 2, revision=2)
    old = replica_set(bench.cluster.objects[DEPLOYMENT]["metadata"]["uid"], uid="uid-old", template=VERSION_A)
    bench.cluster.children.put(ref_of(old), old)
    await bench.round(wanted("b", annotations={"bge-reranker.io/rollback": "a"}))
    assert (revision_of(bench), SHADOW in bench.cluster.objects) == ("a", False)
