"""Rerankers that want to change their pods while others do, one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.control_plane.operators import OperatorProcess, account, operator
from tests.control_plane.processes import ControlPlane
from tests.e2e.kubernetes import Namespace, wait_until
from tests.e2e.operated import Operated

STALL_S = 15
NOWHERE = {"nodeSelector": {"there-is": "no-such-node"}}


@pytest.fixture
def one_place(plane: ControlPlane, place: Namespace) -> Iterator[OperatorProcess]:
    settings: dict[str, Any] = {"max_concurrent_rollouts": 1, "rollout_stall_s": STALL_S, "resync_interval_s": 5}
    with operator(plane, account(plane, place.name), watch_namespace=place.name, **settings) as process:
        process.start_and_await_work()
        yield process


def template(each: Operated) -> dict[str, Any]:
    found: dict[str, Any] = each.get("deployment")["spec"]["template"]
    return found


def owned_by(each: Operated, manager: str) -> str:
    """Which fields of the Deployment a manager applied, as the API server writes them down."""
    live = each.namespace.get("deployment", each.name, "--show-managed-fields")
    entries = live["metadata"]["managedFields"]
    return json.dumps([found for found in entries if (found["manager"], found["operation"]) == (manager, "Apply")])


@pytest.mark.usefixtures("one_place")
def test_while_a_template_waits_everything_else_goes_on_and_a_stalled_change_gives_its_place_back(
    products: Operated,
) -> None:
    broken, place = products.another("broken"), products.namespace
    for each in (broken, products):
        each.apply()
        each.await_ready()
    # What somebody adds by hand is theirs, before, while and after the template waits.
    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "theirs", "image": "localhost/theirs:1"}]}}}}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "products"}, **sidecar}
    place.kubectl("apply", "--server-side", "--field-manager=theirs", "--filename=-", text_input=json.dumps(body))
    products.await_ready()
    before = template(products)
    broken.apply(**NOWHERE)
    broken.await_reason("Ready", "Unschedulable", 60)
    changed = {"podAnnotations": {"round": "2"}, "rollout": {"revisionHistoryLimit": 7}}
    products.apply(**changed)
    said = products.await_reason("Ready", "UpdatePending", 60)["message"]
    assert f"held, by {place.name}/broken" in said
    # All of it within the time that the broken one has its place.
    place.kubectl("delete", "service/products")
    wait_until(lambda: "Service/products" in products.children(), "the Service is back", 10)
    products.apply(**changed, replicas=3)
    wait_until(lambda: products.get("deployment")["spec"]["replicas"] == 3, "the count of the spec", 10)
    place.kubectl("scale", "deployment/products", "--replicas=5")
    wait_until(lambda: products.get("deployment")["spec"]["replicas"] == 3, "the count is put back", 10)
    live = products.get("deployment")
    assert live["spec"]["revisionHistoryLimit"] == 7
    assert live["spec"]["template"] == before
    products.await_ready()
    after = template(products)
    assert after["metadata"]["annotations"]["round"] == "2"
    assert [each["name"] for each in after["spec"]["containers"]] == [
        each["name"] for each in before["spec"]["containers"]
    ]
    assert "theirs" in owned_by(products, "theirs")
    assert "theirs" not in owned_by(products, "reranker-operator")


@pytest.mark.usefixtures("one_place")
def test_suspending_a_change_gives_its_place_back(products: Operated) -> None:
    broken = products.another("broken")
    for each in (broken, products):
        each.apply()
        each.await_ready()
    broken.apply(**NOWHERE)
    broken.await_reason("Ready", "Unschedulable", 60)
    broken.apply(**NOWHERE, lifecycle={"suspend": True})
    broken.await_reason("Ready", "Suspended", 60)
    products.apply(podAnnotations={"round": "2"})
    products.await_ready()
    assert template(products)["metadata"]["annotations"]["round"] == "2"
