"""Ways to install the operator: without Helm, two beside each other, over an older CRD; and models that change."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.commands import run
from tests.cluster.tools import HELM
from tests.e2e.helm import CHART
from tests.e2e.hub_pod import SOURCE, model_hub
from tests.e2e.image_names import OPERATOR_IMAGE
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, failures, search_pod, wait_until
from tests.e2e.operated import OPERATOR, Operated, served_schema

MANIFESTS = CHART.parents[1] / "manifests"
CRD = CHART / "crds" / "rerankers.yaml"
LEASE = "lease/bge-reranker-operator"
ADDITIONS = ("crds",)
RATE = 5.0


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """Each in turn; a figure is the seconds that it took."""
    with tempfile.TemporaryDirectory() as folder, search_pod(cluster, search_image, "rr-e2e-life-search") as search:
        steps: dict[str, Callable[[], None]] = {
            "the manifests serve without Helm": lambda: _manifests(cluster, image, Path(folder)),
            "two releases with operators do not fight": lambda: _two_releases(cluster, image),
            "an upgrade renews the CRD where that is asked for": lambda: _crd_upgrade(cluster, image),
            "a wrong source is named, a right one replaces the model": lambda: _models(cluster, image, search),
        }
        return {"seconds": {name: _seconds(step) for name, step in steps.items()}}


def _seconds(step: Callable[[], None]) -> float:
    began = time.monotonic()
    step()
    return round(time.monotonic() - began, 1)


def _manifests(cluster: Cluster, image: str, folder: Path) -> None:
    name, _, tag = OPERATOR_IMAGE.rpartition(":")
    kustomization = {
        "resources": [os.path.relpath(MANIFESTS, folder)],
        "images": [{"name": "localhost/bge-reranker-operator", "newName": name, "newTag": tag}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    cluster.kubectl("apply", "--server-side", "--force-conflicts", f"--kustomize={folder}")
    try:
        cluster.kubectl(
            "wait", "deployment", "--all", "--namespace=bge-reranker", "--for=condition=Available", "--timeout=180s"
        )
        with cluster.namespace("rr-e2e-manifests") as namespace:
            sample = yaml.safe_load((MANIFESTS / "samples" / "cpu-demo.yaml").read_text(encoding="utf-8"))
            demo = Operated(namespace, image, "cpu-demo")
            namespace.kubectl("apply", "--filename=-", text_input=json.dumps(_with_image(sample, image)))
            namespace.kubectl("wait", "reranker/cpu-demo", "--for=condition=Ready", "--timeout=180s")
            namespace.kubectl("delete", "reranker/cpu-demo")
            wait_until(lambda: demo.children() == [], "everything goes")
    finally:
        cluster.kubectl(
            "delete", f"--filename={MANIFESTS / 'operator.yaml'}", f"--filename={MANIFESTS / 'namespace.yaml'}"
        )


def _with_image(sample: dict[str, Any], image: str) -> dict[str, Any]:
    repository, _, tag = image.rpartition(":")
    registry, _, name = repository.partition("/")
    return {**sample, "spec": {**sample["spec"], "image": {"registry": registry, "repository": name, "tag": tag}}}


def _two_releases(cluster: Cluster, image: str) -> None:
    with cluster.namespace("rr-e2e-two") as namespace:
        cluster.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={CRD}")
        for release in ("one", "two"):
            _install(namespace, release, image)
        holder = _holder(namespace)
        versions = {release: _versions(namespace, release) for release in ("one", "two")}
        third = Operated(namespace, image, "three")
        third.apply(replicas=1)
        third.await_ready()
        assert _holder(namespace) == holder, "the second operator waits"
        assert {release: _versions(namespace, release) for release in ("one", "two")} == versions, (
            "Helm's are left alone"
        )
        namespace.kubectl("delete", "pod", holder)
        wait_until(lambda: _holder(namespace) not in {"", holder}, "the other one takes over")
        third.apply(replicas=1, podAnnotations={"second": "yes"})
        third.await_ready()


def _install(namespace: Namespace, release: str, image: str) -> None:
    """Scorer and operator, as `helm install` does without a word."""
    values = yaml.safe_load((CHART / "ci" / "cpu-demo-values.yaml").read_text(encoding="utf-8"))
    values |= {"replicas": 1, "image": _with_image({"spec": {}}, image)["spec"]["image"]}
    values["operator"] = {"image": _with_image({"spec": {}}, OPERATOR_IMAGE)["spec"]["image"]}
    del values["operator"]["image"]["registry"]
    arguments = [str(HELM.program()), f"--kube-context={namespace.cluster.context}", f"--namespace={namespace.name}"]
    arguments += ["install", release, str(CHART), "--skip-crds", "--values=-", "--wait", "--timeout=280s"]
    run(arguments, text_input=json.dumps(values))


def _holder(namespace: Namespace) -> str:
    return str(namespace.get(LEASE)["spec"].get("holderIdentity", ""))


def _versions(namespace: Namespace, release: str) -> dict[str, str]:
    """Generations of the release's own objects, which change with every edit of a spec."""
    found = namespace.get("deployments,services,serviceaccounts", f"--selector=app.kubernetes.io/instance={release}")[
        "items"
    ]
    return {f"{each['kind']} {each['metadata']['name']}": str(each["metadata"].get("generation")) for each in found}


def _crd_upgrade(cluster: Cluster, image: str) -> None:
    ours = yaml.safe_load(CRD.read_text(encoding="utf-8"))
    older = json.loads(json.dumps(ours))
    schema = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["description"] = "An older Reranker. Schema 000000000000."
    del schema["properties"]["spec"]["properties"]["podAnnotations"]
    with cluster.namespace("rr-e2e-crd") as namespace:
        operated = Operated(namespace, image, "products")
        operated.install_operator(OPERATOR_IMAGE)
        try:
            cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", text_input=json.dumps(older))
            assert "An older" in served_schema(cluster)
            arguments = [str(HELM.program()), f"--kube-context={cluster.context}", f"--namespace={namespace.name}"]
            arguments += ["upgrade", "operator", str(CHART), "--reuse-values", "--wait", "--timeout=280s"]
            run(arguments)
            assert "An older" in served_schema(cluster), "off by default"
            run([*arguments, "--set=operator.crdUpgrade.enabled=true"])
            assert served_schema(cluster) == ours["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"]
            assert namespace.get("jobs")["items"] == [], "the hook leaves nothing"
        finally:
            cluster.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={CRD}")
        assert namespace.get("pods", f"--selector={OPERATOR}")["items"]


def _models(cluster: Cluster, image: str, search: SearchPod) -> None:
    with model_hub(cluster, image) as hub, cluster.namespace("rr-e2e-models") as namespace:
        products = Operated(namespace, image)
        products.install_operator(OPERATOR_IMAGE)
        products.apply()
        products.await_ready()
        from_hub: dict[str, Any] = {"hub": {"endpoint": hub}, "cache": {"type": "emptyDir", "size": "1Gi"}}
        with search.start_load(products.url, RATE) as load:
            products.apply(model={"source": "hf://nobody/nothing@main"}, **from_hub)
            said = products.await_reason("Ready", "UnknownModel")
            assert "nobody/nothing" in said["message"]
            assert products.condition("Stalled")["status"] == "True"
            assert products.condition("Available")["status"] == "True"
            assert products.get()["status"]["lastFailure"]["code"] == "UnknownModel"
            products.apply(model={"source": SOURCE}, **from_hub)
            products.await_ready()
            wait_until(lambda: products.active_source() == SOURCE.partition("@")[0], "the status tells the new model")
            products.apply()
            products.await_ready()
            outcomes = load.outcome()
        assert failures(outcomes) == []
