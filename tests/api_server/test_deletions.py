"""What goes while the operator is away, at work, or wants to write."""

from __future__ import annotations

from tests.control_plane.faulty_proxy import Fault, FaultyProxy
from tests.control_plane.operators import OperatorProcess, account, operator
from tests.control_plane.processes import ControlPlane
from tests.e2e.kubernetes import Cluster, wait_until
from tests.e2e.operated import Operated


def test_what_is_deleted_while_the_operator_is_away_stays_gone(products: Operated, working: OperatorProcess) -> None:
    gone, stays = products.another("gone"), products
    for each in (gone, stays):
        each.apply()
        each.await_ready()
    working.kill()
    gone.namespace.kubectl("delete", "reranker/gone")
    wait_until(lambda: gone.children() == [], "the garbage collector needs no operator", 60)
    working.start_and_await_work()
    stays.apply(commonLabels={"round": "after"})
    stays.await_ready()
    assert gone.children() == []
    assert working.metric("resources") == 1


def test_what_is_deleted_unheard_before_a_list_is_made_anew_stays_gone(
    products: Operated, working: OperatorProcess, proxy: FaultyProxy
) -> None:
    gone, stays = products.another("gone"), products
    for each in (gone, stays):
        each.apply()
        each.await_ready()
    proxy.silence()
    too_old = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    proxy.faults = [Fault("GET", r"/rerankers\?.*watch=true", 200, body=too_old)]
    gone.namespace.kubectl("delete", "reranker/gone")
    wait_until(lambda: proxy.faults[0].times == 0, "the watch goes on from where it was, which is too old", 60)
    wait_until(lambda: working.metric("resources") == 1, "the operator knows", 60)
    wait_until(lambda: gone.children() == [], "nothing of it is made again", 60)
    stays.apply(commonLabels={"round": "after"})
    stays.await_ready()
    assert working.metric("errors_total") == 0


def test_what_is_deleted_and_created_again_at_once_is_served_anew(products: Operated, working: OperatorProcess) -> None:
    products.apply()
    products.await_ready()
    uids = []
    for number in range(3):
        products.namespace.kubectl("delete", "reranker/products", "--wait=false")
        products.apply(commonLabels={"round": str(number)})
        products.await_ready()
        owner = products.get("deployment")["metadata"]["ownerReferences"][0]["uid"]
        assert owner == products.get()["metadata"]["uid"]
        uids.append(owner)
    assert len(set(uids)) == 3
    assert working.metric("errors_total", "InternalError") == 0


def test_a_child_that_a_foreign_finalizer_holds_is_a_person_s_turn_and_not_logged_each_time(
    products: Operated, working: OperatorProcess
) -> None:
    products.apply()
    products.await_ready()
    namespace = products.namespace
    held = ("patch", "service/products", "--type=merge")
    namespace.kubectl(*held, '--patch={"metadata": {"finalizers": ["backup.example/hold"]}}')
    namespace.kubectl("delete", "reranker/products", "--wait=false")
    products.apply()
    wait_until(lambda: "backup.example/hold" in products.condition("Stalled").get("message", ""), "it is told", 60)
    stalled = products.condition("Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "FormerChild")
    assert stalled["message"].startswith(
        "It is up to the cluster's administrator. Service products of a former Reranker"
    )
    namespace.kubectl(*held, '--patch={"metadata": {"finalizers": null}}')
    products.await_ready()
    assert working.said.count("waits for the finalizer") == 1


def test_a_namespace_goes_though_the_operator_works_in_it(plane: ControlPlane, products: Operated) -> None:
    token = account(plane, "default", cluster_wide=True)
    with operator(plane, token, identity="wide") as wide, Cluster("tests").namespace("rr-doomed") as doomed:
        wide.start_and_await_work()
        lost = Operated(doomed, products.image)
        for each in (lost, products):
            each.apply()
            each.await_ready()
        doomed.cluster.delete_namespace(doomed.name, wait=True)
        wait_until(lambda: wide.metric("resources") == 1, "the operator knows", 60)
        products.apply(commonLabels={"round": "after"})
        products.await_ready()
        assert wide.metric("errors_total", "InternalError") == 0
        assert wide.running.poll() is None


def test_a_deletion_that_waits_for_a_finalizer_is_not_worked_against(
    products: Operated, working: OperatorProcess
) -> None:
    products.apply()
    products.await_ready()
    namespace = products.namespace
    namespace.kubectl(
        "patch", "reranker/products", "--type=merge", '-p={"metadata":{"finalizers":["tests.example/hold"]}}'
    )
    namespace.kubectl("delete", "reranker/products", "--wait=false")
    written = working.metric("writes_total")
    namespace.kubectl("delete", "service/products")
    namespace.kubectl("patch", "reranker/products", "--type=merge", '-p={"metadata":{"finalizers":[]}}')
    wait_until(lambda: products.children() == [], "everything goes", 60)
    assert working.metric("writes_total") == written
