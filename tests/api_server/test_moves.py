"""From one Deployment to another: renamed Rerankers and releases, and releases that become Rerankers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.documented import documented, run_documented
from tests.e2e.helm import Release
from tests.e2e.kubernetes import Namespace, wait_until
from tests.e2e.operated import Operated

NOWHERE = {"nodeSelector": {"there-is": "no-such-node"}}
NAMED = {"service": {"name": "rerank"}}
IMAGE = "localhost/played:1"
FULLNAME = "bge-reranker.io/fullname"


@dataclass
class Followed:
    """Where a Service leads, at every moment since it is followed.

    Attributes:
        process: Prints each change of the Service's slices.
    """

    process: subprocess.Popen[str]

    def moments(self) -> list[set[str]]:
        """Addresses that got requests, change by change."""
        self.process.terminate()
        printed, _ = self.process.communicate(timeout=60)
        slices: dict[str, set[str]] = {}
        moments = []
        for event in _documents(printed):
            body = event["object"]
            ready = {
                address
                for endpoint in body.get("endpoints") or ()
                if endpoint["conditions"].get("ready")
                for address in endpoint["addresses"]
            }
            slices[body["metadata"]["name"]] = ready if event["type"] != "DELETED" else set()
            moments.append(set().union(*slices.values()))
        return moments


def _documents(text: str) -> Iterator[dict[str, Any]]:
    decoder, at = json.JSONDecoder(), 0
    while (at := len(text) - len(text[at:].lstrip())) < len(text):
        try:
            found, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            # What was being printed at the end.
            return
        yield found


@contextmanager
def followed(namespace: Namespace, service: str) -> Iterator[Followed]:
    arguments = (
        "get",
        "endpointslices",
        f"--namespace={namespace.name}",
        f"--selector=kubernetes.io/service-name={service}",
    )
    command = namespace.cluster.command(*arguments, "--watch", "--output-watch-events", "--output=json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Followed(process)
        finally:
            process.kill()


def deployments(namespace: Namespace) -> set[str]:
    return {each["metadata"]["name"] for each in namespace.get("deployments")["items"]}


def leads_to(namespace: Namespace, service: str) -> str:
    return str(namespace.get("service", service)["spec"]["selector"][FULLNAME])


def never_left_alone(moments: list[set[str]], before: set[str]) -> bool:
    """Whether somebody was there at every moment, and others in the end."""
    return all(moments) and not moments[-1] & before


def addresses(namespace: Namespace) -> set[str]:
    return {pod["status"]["podIP"] for pod in namespace.get("pods")["items"]}


@pytest.mark.usefixtures("working")
def test_a_renamed_reranker_serves_under_its_former_name_until_its_new_pods_answer(products: Operated) -> None:
    namespace = products.namespace
    products.apply(**NAMED)
    products.await_ready()
    before, uid = addresses(namespace), namespace.get("service", "rerank")["metadata"]["uid"]
    with followed(namespace, "rerank") as service:
        products.apply(**NAMED, **NOWHERE, fullnameOverride="second")
        assert "Deployment products serves" in products.await_reason("Ready", "Unschedulable", 60)["message"]
        assert products.condition("Available")["status"] == "True"
        assert deployments(namespace) == {"products", "second"}
        assert leads_to(namespace, "rerank") == "products"
        products.apply(**NAMED, fullnameOverride="second")
        products.await_reason("Ready", "AllReplicasReady")
        wait_until(lambda: addresses(namespace).isdisjoint(before), "the former pods have gone", 60)
        assert never_left_alone(service.moments(), before)
    assert deployments(namespace) == {"second"}
    assert namespace.get("service", "rerank")["metadata"]["uid"] == uid
    assert {name.partition("/")[2] for name in products.children()} == {"second", "second-headless", "rerank"}


@pytest.mark.usefixtures("working")
def test_a_renamed_reranker_goes_back_at_once_when_its_new_pods_never_answer(products: Operated) -> None:
    namespace = products.namespace
    products.apply()
    products.await_ready()
    before = {pod["metadata"]["uid"] for pod in namespace.get("pods")["items"]}
    products.apply(**NOWHERE, fullnameOverride="second")
    products.await_reason("Ready", "Unschedulable", 60)
    products.apply()
    products.await_ready()
    assert deployments(namespace) == {"products"}
    assert {pod["metadata"]["uid"] for pod in namespace.get("pods")["items"]} == before


@pytest.mark.usefixtures("working")
def test_an_autoscaled_reranker_moves_with_its_count(products: Operated) -> None:
    namespace, scaled = products.namespace, {"enabled": True, "minReplicas": 1, "maxReplicas": 5}
    products.apply(replicas=4)
    products.await_ready()
    products.apply(autoscaling=scaled, replicas=4)
    products.await_reason("Ready", "AllReplicasReady")
    products.apply(autoscaling=scaled, replicas=4, fullnameOverride="second")
    wait_until(lambda: deployments(namespace) == {"second"}, "it has moved", 60)
    products.await_reason("Ready", "AllReplicasReady")
    live = namespace.get("deployment", "second", "--show-managed-fields")
    assert live["spec"]["replicas"] == 4
    owners = {each["manager"] for each in live["metadata"]["managedFields"] if "f:replicas" in str(each["fieldsV1"])}
    assert "reranker-operator" not in owners
    assert "HorizontalPodAutoscaler/second" in products.children()


@pytest.mark.usefixtures("working")
def test_a_release_becomes_a_reranker_and_its_service_stays(namespace: Namespace) -> None:
    (block,) = documented("docs/operator.md", "From a Helm release to a Reranker")
    lets_go, _, rest = block.partition("\n\n")
    release = Release("demo", namespace, IMAGE)
    release.install({"replicas": 2}, "--set=operator.enabled=false", "--skip-crds")
    before, service = addresses(namespace), namespace.get("service", "demo")
    demo = Operated(namespace, IMAGE, "demo")
    # Neither knows of the other before anything is handed over.
    demo.apply(fullnameOverride="demo-2", service={"name": "demo"})
    assert "hand-over-to" in demo.await_reason("Ready", "NotOwned", 60)["message"]
    assert deployments(namespace) == {"demo"}
    with followed(namespace, "demo") as slices:
        run_documented(lets_go, namespace)
        run_documented(rest, namespace)
        wait_until(lambda: addresses(namespace).isdisjoint(before), "the release's pods have gone", 60)
        assert never_left_alone(slices.moments(), before)
    after = namespace.get("service", "demo")
    for key in ("clusterIP", "ports"):
        assert after["spec"][key] == service["spec"][key]
    assert after["metadata"]["uid"] == service["metadata"]["uid"]
    assert leads_to(namespace, "demo") == "demo-2"
    assert deployments(namespace) == {"demo-2"}
    namespace.kubectl("delete", "reranker/demo")
    wait_until(lambda: demo.children() == [], "the Service goes with its Reranker", 60)


def test_a_release_is_renamed_by_the_documented_commands(namespace: Namespace) -> None:
    keeps, goes_on, goes = documented("charts/bge-reranker/README.md", "Renaming")
    variables = "\n".join(line for line in keeps.splitlines() if line.startswith(("KINDS=", "FORMER=")))
    release = Release("demo", namespace, IMAGE)
    release.install({"replicas": 2}, "--set=operator.enabled=false", "--skip-crds")
    before, uid = addresses(namespace), namespace.get("service", "demo")["metadata"]["uid"]
    with followed(namespace, "demo") as slices:
        run_documented(keeps, namespace)
        assert deployments(namespace) == {"demo", "ranker"}
        assert leads_to(namespace, "ranker") == "ranker"
        run_documented(goes_on, namespace)
        run_documented(goes, namespace, before=variables)
        wait_until(lambda: addresses(namespace).isdisjoint(before), "the former pods have gone", 60)
        assert never_left_alone(slices.moments(), before)
    assert deployments(namespace) == {"ranker"}
    assert namespace.get("service", "demo")["metadata"]["uid"] == uid
    release.helm("uninstall", "demo")
    wait_until(
        lambda: namespace.objects() <= {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}, "nothing stays", 60
    )
