"""Rerankers that want to change their pods while others do, one at a time."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.control_plane.operators import account, operator
from tests.control_plane.processes import ControlPlane
from tests.e2e.kubernetes import Namespace, wait_until
from tests.e2e.operated import Operated

NOWHERE = {"nodeSelector": {"there-is": "no-such-node"}}
LIMIT_S = 60
STALLED_S = 40


@contextmanager
def one_slot(plane: ControlPlane, namespace: Namespace, stall_s: int) -> Iterator[None]:
    """An operator that lets one Reranker change its pods at a time."""
    settings: dict[str, Any] = {"max_concurrent_rollouts": 1, "rollout_stall_s": stall_s, "resync_interval_s": 5}
    with operator(plane, account(plane, namespace.name), watch_namespace=namespace.name, **settings) as process:
        process.start_and_await_work()
        yield


def one_that_cannot_finish(beside: Operated) -> Operated:
    """Both are there and ready, and one of them has begun a change whose pods find no node."""
    broken = beside.another("broken")
    for each in (broken, beside):
        each.apply()
    for each in (broken, beside):
        each.await_ready()
    broken.apply(**NOWHERE)
    broken.await_reason("Ready", "Unschedulable", LIMIT_S)
    return broken


def template(each: Operated) -> dict[str, Any]:
    found: dict[str, Any] = each.get("deployment")["spec"]["template"]
    return found


def count(each: Operated) -> int:
    return int(each.get("deployment")["spec"]["replicas"])


def owned_by(each: Operated, manager: str) -> str:
    """Which fields of the Deployment a manager applied, as the API server writes them down."""
    live = each.namespace.get("deployment", each.name, "--show-managed-fields")
    entries = live["metadata"]["managedFields"]
    return json.dumps([found for found in entries if (found["manager"], found["operation"]) == (manager, "Apply")])


def add_by_hand(each: Operated) -> None:
    """A variable that somebody else applies beside the operator's."""
    container = {"name": "scorer", "env": [{"name": "THEIRS", "value": "1"}]}
    spec = {"template": {"spec": {"containers": [container]}}}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": each.name}, "spec": spec}
    arguments = ("apply", "--server-side", "--field-manager=theirs", "--filename=-")
    each.namespace.kubectl(*arguments, text_input=json.dumps(body))
    each.namespace.kubectl("rollout", "status", f"deployment/{each.name}", "--timeout=180s")


def test_while_a_template_waits_everything_else_goes_on(plane: ControlPlane, products: Operated) -> None:
    namespace = products.namespace
    with one_slot(plane, namespace, stall_s=3600):
        broken = one_that_cannot_finish(products)
        add_by_hand(products)
        before = template(products)
        changed = {"podAnnotations": {"round": "2"}, "rollout": {"revisionHistoryLimit": 7}}
        products.apply(**changed)
        said = products.await_reason("Ready", "UpdatePending", LIMIT_S)["message"]
        assert f"held, by {namespace.name}/broken" in said
        namespace.kubectl("delete", "service/products")
        wait_until(lambda: "Service/products" in products.children(), "the Service is back", LIMIT_S)
        products.apply(**changed, replicas=3)
        wait_until(lambda: count(products) == 3, "the count of the spec", LIMIT_S)
        namespace.kubectl("scale", "deployment/products", "--replicas=5")
        wait_until(lambda: count(products) == 3, "the count is put back", LIMIT_S)
        assert products.get("deployment")["spec"]["revisionHistoryLimit"] == 7
        assert template(products) == before
        assert "THEIRS" not in owned_by(products, "reranker-operator"), "what others added stays theirs"
        broken.apply()
        products.await_ready()
        after = template(products)
        assert after["metadata"]["annotations"]["round"] == "2"
        assert "THEIRS" in [each["name"] for each in after["spec"]["containers"][0]["env"]]


def test_a_change_that_stalls_gives_its_slot_back(plane: ControlPlane, products: Operated) -> None:
    with one_slot(plane, products.namespace, stall_s=10):
        one_that_cannot_finish(products)
        products.apply(podAnnotations={"round": "2"})
        products.await_ready()
        assert template(products)["metadata"]["annotations"]["round"] == "2"


def annotation(each: Operated) -> str | None:
    found: str | None = template(each)["metadata"].get("annotations", {}).get("round")
    return found


def quiet_s(each: Operated) -> float:
    """For how long its Deployment has made no progress, as its controller says."""
    conditions = {condition["type"]: condition for condition in each.get("deployment")["status"]["conditions"]}
    last = dt.datetime.fromisoformat(conditions["Progressing"]["lastUpdateTime"])
    return (dt.datetime.now(tz=dt.UTC) - last).total_seconds()


def test_an_operator_that_begins_does_not_wait_for_who_stalled_before(plane: ControlPlane, products: Operated) -> None:
    namespace = products.namespace
    with one_slot(plane, namespace, stall_s=3600):
        broken = one_that_cannot_finish(products)
        products.apply(podAnnotations={"round": "2"})
        products.await_reason("Ready", "UpdatePending", LIMIT_S)
        wait_until(lambda: quiet_s(broken) > STALLED_S, "the broken one has stalled", 2 * STALLED_S)
    with one_slot(plane, namespace, stall_s=STALLED_S):
        wait_until(lambda: annotation(products) == "2", "its slot is free at once", STALLED_S / 2)


def test_a_change_that_is_suspended_gives_its_slot_back(plane: ControlPlane, products: Operated) -> None:
    with one_slot(plane, products.namespace, stall_s=3600):
        broken = one_that_cannot_finish(products)
        broken.apply(**NOWHERE, lifecycle={"suspend": True})
        broken.await_reason("Ready", "Suspended", LIMIT_S)
        products.apply(podAnnotations={"round": "2"})
        products.await_ready()
        assert template(products)["metadata"]["annotations"]["round"] == "2"
