"""Releases beside each other, what an uninstall leaves, and a release without a way out."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.e2e.helm import Release, Values
from tests.e2e.hub_pod import model_hub
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, failures, search_pod, service_url, wait_until
from tests.e2e.packed_model import pack_model

ADDITIONS = ("crds",)
RATE = 5.0
ONE: Values = {"replicas": 1}
CLAIM = "models"


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
    """A bundle brought into a claim by hand; then every way out but DNS is cut, for the init step as well."""
    with cluster.namespace("rr-e2e-life-airgap") as namespace:
        source = _bring_bundle(namespace, image)
        release = Release("demo", namespace, image)
        cache = {"type": "existing", "existingClaim": CLAIM}
        policy = {"enabled": True, "searchNamespaces": [search.namespace], "egressCidrs": []}
        release.install({"model": {"source": source}, "cache": cache, "networkPolicy": policy})
        with search.start_load(release.url, RATE) as load:
            release.helm("test", release.name)
            outcomes = load.outcome()
        assert failures(outcomes) == [], failures(outcomes)
        return {
            "source": source,
            "requests": len(outcomes),
            "failed": 0,
            "init_step": namespace.kubectl("logs", f"deployment/{release.name}", "--container=fetch-model").strip()[
                -200:
            ],
            "hub_from_the_pod": _tries(release, f"import urllib.request; urllib.request.urlopen('{hub}', timeout=5)"),
            "management_port_for_callers": _management(search, release),
            "caller_of_another_namespace": _search_elsewhere(cluster, image, release),
            "helm_test": "passes through the policy",
        }


def _bring_bundle(namespace: Namespace, image: str) -> str:
    """Into a claim, by a pod that takes it from its standard input; gives the model's source."""
    mount = [{"name": "models", "mountPath": "/models"}]
    volume = [{"name": "models", "persistentVolumeClaim": {"claimName": CLAIM}}]
    size = {"requests": {"storage": "1Gi"}}
    claim = {"accessModes": ["ReadWriteMany"], "storageClassName": "shared", "resources": size}
    namespace.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": claim})
    loader = {**_container(image, ["sleep", "infinity"]), "volumeMounts": mount}
    namespace.create(_pod("loader", loader, volumes=volume, terminationGracePeriodSeconds=1))
    namespace.kubectl("wait", "pod/loader", "--for=condition=Ready", "--timeout=120s")
    with tempfile.TemporaryDirectory() as folder:
        packed = pack_model(namespace.cluster, Path(folder))
        fetch = (
            "cat > /tmp/bundle.tar && python3 -m bge_reranker model fetch file:///tmp/bundle.tar --cache-dir /models"
        )
        arguments = (f"--namespace={namespace.name}", "exec", "--stdin", "loader", "--", "sh", "-c", fetch)
        with packed.bundle.open("rb") as bundle:
            subprocess.run(namespace.cluster.command(*arguments), stdin=bundle, check=True, timeout=120)
    namespace.kubectl("delete", "pod", "loader")
    return packed.source


def _container(image: str, command: list[str]) -> dict[str, Any]:
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {"name": "main", "image": image, "command": command, "securityContext": security}


def _pod(name: str, container: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A pod of the level `restricted`."""
    security = {"runAsNonRoot": True, "fsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": security, **more}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _tries(release: Release, program: str) -> str:
    """What a program in the scorer's pod says; it must not get through."""
    arguments = ("exec", f"deployment/{release.name}", "--container=scorer", "--", "python3", "-c")
    output = release.namespace.kubectl(
        *arguments, f"try:\n {program}\nexcept OSError as error:\n print('blocked:', error)"
    )
    assert output.startswith("blocked:"), "the network policy did not block the way out; does the cluster enforce it?"
    return output.strip()


def _management(search: SearchPod, release: Release) -> str:
    """A caller that may rank may not read the management port."""
    url = service_url(f"{release.name}-headless", release.namespace.name, 8001)
    program = f"import urllib.request\ntry:\n urllib.request.urlopen('{url}/info', timeout=5)\n print('answered')\n"
    program += "except OSError as error:\n print('blocked:', error)"
    arguments = ("exec", f"--namespace={search.namespace}", "search", "--", "/opt/search/bin/python", "-c", program)
    output = search.cluster.kubectl(*arguments).strip()
    assert output.startswith("blocked:"), f"a caller read the management port: {output}"
    return output


def _search_elsewhere(cluster: Cluster, image: str, release: Release) -> str:
    """A pod of a namespace that the policy does not name gets no answer."""
    program = (
        "import urllib.request\ntry:\n"
        f" urllib.request.urlopen('{release.url}/health', timeout=5)\n print('answered')\n"
        "except OSError as error:\n print('blocked:', error)"
    )
    with cluster.namespace("rr-e2e-life-stranger") as namespace:
        namespace.create(_pod("stranger", _container(image, ["python3", "-c", program]), restartPolicy="Never"))
        namespace.kubectl("wait", "pod/stranger", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s")
        output = namespace.kubectl("logs", "stranger").strip()
    assert output.startswith("blocked:"), f"a stranger got through: {output}"
    return output


def _seconds(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return round(time.monotonic() - began, 1)
