"""Answers that do not come, come late or say no: the operator waits, tries again, and gets there."""

from __future__ import annotations

import random
import re

import pytest

from tests.control_plane.faulty_proxy import Fault, FaultyProxy
from tests.control_plane.operators import OperatorProcess
from tests.e2e.kubernetes import wait_until
from tests.e2e.operated import Operated

from .conftest import SILENCE_S

DEPLOYMENT = r"/deployments/products\?"
DRIFT_LIMIT_S = 10


def labelled(products: Operated, label: str) -> None:
    """Change the spec, and wait until the change is in the Deployment and told in the status."""
    products.apply(commonLabels={"round": label})
    wait_until(lambda: products.get("deployment")["metadata"]["labels"].get("round") == label, f"round {label}", 90)
    products.await_ready()


@pytest.mark.parametrize(
    ("status", "reason"),
    [(409, "Contended"), (429, "ClusterUnavailable"), (500, "ClusterUnavailable"), (None, "ClusterUnavailable")],
)
def test_a_write_that_fails_is_repeated_until_it_is_done(
    products: Operated, working: OperatorProcess, proxy: FaultyProxy, status: int | None, reason: str
) -> None:
    products.apply()
    products.await_ready()
    uid = products.get("deployment")["metadata"]["uid"]
    headers = {"Retry-After": "1"} if status == 429 else {}
    proxy.faults = [Fault("PATCH", DEPLOYMENT, status, headers=headers, times=3)]
    labelled(products, "after")
    assert proxy.faults[0].times == 0, "all three were met"
    assert working.metric("errors_total", reason) >= 3
    assert products.get("deployment")["metadata"]["uid"] == uid
    assert "lastFailure" not in products.get()["status"]


def test_a_start_while_the_api_server_restarts_is_no_end(
    products: Operated, idle: OperatorProcess, proxy: FaultyProxy
) -> None:
    paths = ("/leases", "/openapi", "/version")
    proxy.faults = [Fault("GET", path, status, times=1) for path in paths for status in (503, None)]
    products.apply()
    idle.start_and_await_work()
    products.await_ready()
    assert [fault.times for fault in proxy.faults] == [0] * len(proxy.faults), "all were met"


def test_an_operator_without_its_rights_waits_and_works_soon_after_they_are_back(
    products: Operated, idle: OperatorProcess
) -> None:
    namespace = products.namespace
    binding = namespace.get("rolebinding", "operator-operator")
    namespace.kubectl("delete", "rolebinding/operator-operator")
    products.apply()
    idle.start()
    wait_until(lambda: "refused_by_api_server" in idle.said, "the missing right is told", 60)
    assert "leases" in idle.said
    assert not idle.has_ended
    binding["metadata"] = {"name": "operator-operator", "namespace": namespace.name}
    namespace.create(binding)
    wait_until(lambda: idle.holds_lease, "it goes on", 15)
    products.await_ready()


def test_a_status_that_is_refused_stops_no_work_and_is_written_later(
    products: Operated, working: OperatorProcess, proxy: FaultyProxy
) -> None:
    proxy.faults = [Fault("PATCH", "/rerankers/products/status", 403, "not today", "Forbidden", times=3)]
    products.apply()
    wait_until(lambda: "Deployment/products" in products.children(), "the workload is there", 60)
    products.await_ready()
    assert working.metric("errors_total", "StatusNotWritten") == 3
    assert "not today" in working.said


@pytest.mark.usefixtures("working")
def test_watches_that_die_silently_are_begun_anew(products: Operated, proxy: FaultyProxy) -> None:
    products.apply()
    products.await_ready()
    proxy.silence()
    assert proxy.silenced >= 3, "the operator has watches open"
    products.namespace.kubectl("delete", "service", "products")
    wait_until(lambda: "Service/products" in products.children(), "the Service is back", SILENCE_S + DRIFT_LIMIT_S)
    proxy.silence()
    labelled(products, "seen")


def test_an_api_server_that_refuses_a_third_of_everything_is_outlasted(
    products: Operated, working: OperatorProcess, proxy: FaultyProxy
) -> None:
    chance = random.Random(9)

    def perhaps() -> Fault | None:
        return Fault("", "", chance.choice((409, 429, 500, 503, None))) if chance.random() < 0.33 else None

    products.apply()
    products.await_ready()
    proxy.chance = perhaps
    for number in range(5):
        products.apply(commonLabels={"round": str(number)}, replicas=number % 2 + 1)
        products.namespace.kubectl("delete", "service", "products", "--ignore-not-found")
    proxy.chance = lambda: None
    labelled(products, "last")
    wait_until(lambda: "Service/products" in products.children(), "the Service is back", 60)
    assert working.running.poll() is None, "it never ended"


def test_an_operator_that_loses_the_api_server_ends_and_its_successor_goes_on(
    products: Operated, working: OperatorProcess, proxy: FaultyProxy
) -> None:
    products.apply()
    products.await_ready()
    uid = products.get("deployment")["metadata"]["uid"]
    proxy.faults = [Fault(method, ".", None, times=10**6) for method in ("GET", "PUT", "PATCH", "POST")]
    assert working.running.wait(timeout=60) == 1
    assert re.search("Lease .*(lost|renewed)", working.said)
    products.apply(commonLabels={"round": "meanwhile"})
    proxy.faults = []
    working.start_and_await_work()
    labelled(products, "meanwhile")
    assert products.get("deployment")["metadata"]["uid"] == uid
