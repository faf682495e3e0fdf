"""Releases beside each other, caches, and what an uninstall leaves."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.helm import Release, Values
from tests.e2e.hub_pod import SOURCE, model_hub
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, failures, search_pod, service_url, wait_until

ADDITIONS = ("crds",)
RATE = 5.0
LEFTOVERS = "all,pvc,secret,configmap,serviceaccount,networkpolicy,ingress,pdb,hpa"
ONE: Values = {"replicas": 1}


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Install, look, uninstall, look again."""
    with search_pod(cluster, search_image, "rr-e2e-life-search") as search, model_hub(cluster, image) as hub:
        return {
            "beside each other": _beside(cluster, search, image),
            "caches": _caches(cluster, search, image, hub),
            "without a network": _cut_off(cluster, search, image, hub),
        }


def _beside(cluster: Cluster, search: SearchPod, image: str) -> dict[str, Any]:
    """Two releases in one namespace and one of the same name in another; each answers, and goes without a trace."""
    with cluster.namespace("rr-e2e-life") as one, cluster.namespace("rr-e2e-life-other") as other:
        untouched = _objects(one)
        releases = [Release("demo", one, image), Release("1.search", one, image), Release("demo", other, image)]
        for release in releases:
            release.install(ONE)
        addresses = {}
        for release in releases:
            service = next(
                found["metadata"]["name"]
                for found in release.namespace.get("services", f"-lapp.kubernetes.io/instance={release.name}")["items"]
                if not found["metadata"]["name"].endswith("-headless")
            )
            url = service_url(service, release.namespace.name)
            with search.start_load(url, RATE) as load:
                assert failures(load.outcome()) == [], url
            addresses[f"{release.namespace.name}/{release.name}"] = url
        for release in releases:
            release.helm("test", release.name)
            release.helm("uninstall", release.name, "--wait")
        wait_until(lambda: _objects(one) == untouched, "nothing is left")
        return {"addresses": addresses, "left_after_uninstall": []}


def _caches(cluster: Cluster, search: SearchPod, image: str, hub: str) -> dict[str, Any]:
    fetched: Values = {"model": {"source": SOURCE}, "hub": {"endpoint": hub}}
    with cluster.namespace("rr-e2e-life-cache") as place:
        shared: Values = {**fetched, "cache": {"type": "pvc", "size": "1Gi", "storageClass": "shared", "retain": True}}
        release = Release("demo", place, image)
        release.install(shared)
        nodes = {pod["spec"]["nodeName"] for pod in release.pods()}
        with search.start_load(release.url, RATE) as load:
            assert failures(load.outcome()) == []
        release.helm("uninstall", release.name, "--wait")
        kept = _claims(place)
        release.install(shared)
        assert _claims(place) == kept, "the retained claim was not taken up again"
        logs = place.kubectl("logs", f"deployment/{release.name}", "--container=fetch-model")
        release.helm("uninstall", release.name, "--wait")
        place.kubectl("delete", "pvc", "--all")
        alone: Values = {**fetched, **ONE, "rollout": {"mode": "inPlace"}}
        alone["cache"] = {"type": "pvc", "size": "1Gi", "accessMode": "ReadWriteOnce"}
        release.install(alone)
        release.upgrade({**alone, "podAnnotations": {"again": "yes"}})
        release.await_settled()
        release.helm("uninstall", release.name, "--wait")
        wait_until(lambda: _claims(place) == [], "a claim that is not retained goes")
        return {
            "nodes_that_shared_one_volume": sorted(nodes),
            "kept_after_uninstall": kept,
            "second_fetch": logs.splitlines()[-1][:200],
            "read_write_once": "installed and rolled in place with one replica",
        }


def _cut_off(cluster: Cluster, search: SearchPod, image: str, hub: str) -> dict[str, Any]:
    """Fill a claim, then serve from it with every way out but DNS cut."""
    with cluster.namespace("rr-e2e-life-airgap") as place:
        filler = Release("filler", place, image)
        cache = {"type": "pvc", "size": "1Gi", "storageClass": "shared", "retain": True}
        filler.install({**ONE, "model": {"source": SOURCE}, "hub": {"endpoint": hub}, "cache": cache})
        (claim,) = _claims(place)
        folder = place.kubectl(
            "exec", "deployment/filler", "--container=scorer", "--", "sh", "-c", "ls -d /models/*/*/"
        )
        filler.helm("uninstall", filler.name, "--wait")
        path = folder.split()[0].removeprefix("/models/").rstrip("/")
        release = Release("demo", place, image)
        policy = {"enabled": True, "searchNamespaces": [search.namespace], "egressCidrs": []}
        release.install({"model": {"source": f"pvc://{claim}/{path}"}, "networkPolicy": policy})
        with search.start_load(release.url, RATE) as load:
            outcomes = load.outcome()
        assert failures(outcomes) == []
        way_out = f"import urllib.request; urllib.request.urlopen('{hub}', timeout=5)"
        admitted = _tries(release, way_out)
        blocked_search = _search_elsewhere(cluster, image, release)
        release.helm("test", release.name)
        return {
            "source": f"pvc://{claim}/{path}",
            "requests": len(outcomes),
            "failed": 0,
            "hub_from_the_pod": admitted,
            "caller_of_another_namespace": blocked_search,
            "helm_test": "passes through the policy",
        }


def _tries(release: Release, program: str) -> str:
    """What a program in the scorer's pod says; it must not get through."""
    words = ("exec", f"deployment/{release.name}", "--container=scorer", "--", "python3", "-c")
    said = release.namespace.kubectl(*words, f"try:\n {program}\nexcept OSError as error:\n print('blocked:', error)")
    assert said.startswith("blocked:"), "the network policy did not block the way out; does the cluster enforce it?"
    return said.strip()


def _search_elsewhere(cluster: Cluster, image: str, release: Release) -> str:
    """A pod of a namespace that the policy does not name gets no answer."""
    program = (
        "import urllib.request\ntry:\n"
        f" urllib.request.urlopen('{release.url}/health', timeout=5)\n print('answered')\n"
        "except OSError as error:\n print('blocked:', error)"
    )
    with cluster.namespace("rr-e2e-life-stranger") as place:
        security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        container = {"name": "ask", "image": image, "command": ["python3", "-c", program], "securityContext": security}
        pod_security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        spec = {"containers": [container], "restartPolicy": "Never", "securityContext": pod_security}
        place.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger"}, "spec": spec})
        place.kubectl("wait", "pod/stranger", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s")
        said = place.kubectl("logs", "stranger").strip()
    assert said.startswith("blocked:"), f"a stranger got through: {said}"
    return said


def _claims(place: Namespace) -> list[str]:
    return [found["metadata"]["name"] for found in place.get("pvc")["items"]]


def _objects(place: Namespace) -> set[str]:
    found = json.loads(place.kubectl("get", LEFTOVERS, "--output=json"))["items"]
    return {f"{each['kind']}/{each['metadata']['name']}" for each in found}
