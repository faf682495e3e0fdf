"""Releases beside each other, what an uninstall leaves, and a release without a way out."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.e2e.helm import Release, Values
from tests.e2e.hub_pod import SOURCE, model_hub
from tests.e2e.kubernetes import Cluster, SearchPod, failures, search_pod, service_url, wait_until

ADDITIONS = ("crds",)
RATE = 5.0
ONE: Values = {"replicas": 1}


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Install, look, uninstall, look again."""
    with search_pod(cluster, search_image, "rr-e2e-life-search") as search, model_hub(cluster, image) as hub:
        return {
            "beside each other": _beside(cluster, search, image),
            "without a network": _cut_off(cluster, search, image, hub),
        }


def _beside(cluster: Cluster, search: SearchPod, image: str) -> dict[str, Any]:
    """Two releases in one namespace and one of the same name in another; each answers, and goes without a trace."""
    with cluster.namespace("rr-e2e-life") as one, cluster.namespace("rr-e2e-life-other") as other:
        untouched = one.objects()
        releases = [Release("demo", one, image), Release("1.search", one, image), Release("demo", other, image)]
        took_s = [_seconds(partial(release.install, ONE)) for release in releases]
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
        wait_until(lambda: one.objects() == untouched, "nothing is left")
        return {"install_to_ready_s": took_s, "addresses": addresses, "left_after_uninstall": []}


def _cut_off(cluster: Cluster, search: SearchPod, image: str, hub: str) -> dict[str, Any]:
    """Fill a claim, then serve from it with every way out but DNS cut."""
    with cluster.namespace("rr-e2e-life-airgap") as place:
        filler = Release("filler", place, image)
        cache = {"type": "pvc", "size": "1Gi", "storageClass": "shared", "retain": True}
        filler.install({**ONE, "model": {"source": SOURCE}, "hub": {"endpoint": hub}, "cache": cache})
        (claim,) = place.claims()
        folder = place.kubectl(
            "exec", "deployment/filler", "--container=scorer", "--", "sh", "-c", "ls -d /models/*/*/"
        )
        filler.helm("uninstall", filler.name, "--wait")
        path = folder.split()[0].removeprefix("/models/").rstrip("/")
        release = Release("demo", place, image)
        policy = {"enabled": True, "searchNamespaces": [search.namespace], "egressCidrs": []}
        release.install({"model": {"source": f"pvc://{claim}/{path}"}, "networkPolicy": policy})
        with search.start_load(release.url, RATE) as load:
            release.helm("test", release.name)
            outcomes = load.outcome()
        assert failures(outcomes) == []
        way_out = f"import urllib.request; urllib.request.urlopen('{hub}', timeout=5)"
        admitted = _tries(release, way_out)
        blocked_search = _search_elsewhere(cluster, image, release)
        return {
            "source": f"pvc://{claim}/{path}",
            "requests": len(outcomes),
            "failed": 0,
            "hub_from_the_pod": admitted,
            "management_port_for_callers": _management(search, release),
            "caller_of_another_namespace": blocked_search,
            "helm_test": "passes through the policy",
        }


def _tries(release: Release, program: str) -> str:
    """What a program in the scorer's pod says; it must not get through."""
    words = ("exec", f"deployment/{release.name}", "--container=scorer", "--", "python3", "-c")
    said = release.namespace.kubectl(*words, f"try:\n {program}\nexcept OSError as error:\n print('blocked:', error)")
    assert said.startswith("blocked:"), "the network policy did not block the way out; does the cluster enforce it?"
    return said.strip()


def _management(search: SearchPod, release: Release) -> str:
    """A caller that may rank may not read the management port."""
    url = service_url(f"{release.name}-headless", release.namespace.name, 8001)
    program = f"import urllib.request\ntry:\n urllib.request.urlopen('{url}/info', timeout=5)\n print('answered')\n"
    program += "except OSError as error:\n print('blocked:', error)"
    words = ("exec", f"--namespace={search.namespace}", "search", "--", "/opt/search/bin/python", "-c", program)
    said = search.cluster.kubectl(*words).strip()
    assert said.startswith("blocked:"), f"a caller read the management port: {said}"
    return said


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


def _seconds(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return round(time.monotonic() - began, 1)
