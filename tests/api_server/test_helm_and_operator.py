"""Parity: what Helm installs and what the operator makes of the same values, live, is the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import yaml

from reranker_operator.adopt import outlives_its_maker
from reranker_operator.kinds import AUTOSCALER, CHILD_KINDS, CLAIM, DEPLOYMENT
from tests.chart.rendering import CASES
from tests.cluster.commands import run
from tests.cluster.crds import DEFINITIONS, INTERCEPTOR_ROUTES
from tests.cluster.tools import HELM
from tests.control_plane.operators import CHART
from tests.control_plane.processes import ControlPlane
from tests.e2e.kubernetes import Namespace, wait_until
from tests.e2e.operated import Operated, sampled_rerankers
from tests.in_ci import lacking

SAMPLES = CHART.parents[1] / "manifests" / "samples"
FOREIGN = (
    "gateway.networking.k8s.io_httproutes.yaml",
    "keda.sh_scaledobjects.yaml",
    "monitoring.coreos.com_prometheusrules.yaml",
    "monitoring.coreos.com_servicemonitors.yaml",
)
OF_THE_MOMENT = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "ownerReferences")
OF_OTHERS = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace", "deployment.kubernetes.io/revision")
GIVEN_BY_THE_CLUSTER = ("clusterIP", "clusterIPs", "volumeName")
"""In specs: what each object gets of its own from the API server."""


@pytest.fixture(scope="module")
def foreign_kinds(plane: ControlPlane) -> Iterator[None]:
    """The kinds of other projects, without anybody who acts on them."""
    if not DEFINITIONS.is_built:
        lacking("the definitions of other projects are missing: run `make cluster-tools`")
    places = [*(DEFINITIONS.folder / name for name in FOREIGN), INTERCEPTOR_ROUTES]
    files = [f"--filename={place}" for place in places]
    plane.kubectl("apply", "--server-side", *files)
    plane.kubectl("wait", "--for=condition=Established", *files, "--timeout=60s")
    yield
    plane.kubectl("delete", *files)


def is_judged(sample: Operated) -> bool:
    return sample.condition("Ready") != {}


REFUSALS = {"InvalidSpec", "NotAllowed", "NotOwned", "KindNotInstalled", "RefusedByCluster"}


@pytest.mark.usefixtures("foreign_kinds", "working")
def test_all_samples_are_accepted_as_they_are(namespace: Namespace) -> None:
    namespace.kubectl("apply", f"--filename={SAMPLES}")
    samples = [Operated(namespace, "", name) for name in sampled_rerankers(SAMPLES)]
    for sample in samples:
        wait_until(partial(is_judged, sample), f"the operator has looked at {sample.name}", 60)
    reasons = {sample.name: sample.condition("Ready")["reason"] for sample in samples}
    assert {name: reason for name, reason in reasons.items() if reason in REFUSALS} == {}


@pytest.mark.usefixtures("foreign_kinds", "working")
@pytest.mark.parametrize("case", CASES)
def test_both_make_the_same_live_objects(case: str, namespace: Namespace) -> None:
    sample = yaml.safe_load((SAMPLES / f"{case}.yaml").read_text(encoding="utf-8"))
    sample["metadata"]["name"] = "products"
    namespace.kubectl("create", "--filename=-", text_input=json.dumps(sample))
    products = Operated(namespace, "")
    wait_until(lambda: products.condition("Ready") != {}, "the operator has done a round", 60)
    assert products.condition("Ready")["reason"] not in REFUSALS
    by_operator, spec = live(namespace), products.get()["spec"]
    assert owners(namespace) == {("Reranker", "products")}, "all are the resource's, but what is to outlive it"
    # One after the other: a case may ask for a port that a cluster has once.
    namespace.kubectl("delete", "reranker/products")
    namespace.kubectl("delete", "persistentvolumeclaims", "--all", "--wait=false")
    wait_until(lambda: live(namespace) == {}, "the garbage collector is done", 60)
    arguments = [
        "install",
        "products",
        str(CHART),
        f"--namespace={namespace.name}",
        "--skip-crds",
        "--set=operator.enabled=false",
    ]
    run([str(HELM.program()), "--kube-context=tests", *arguments, "--values=-"], text_input=json.dumps(spec))
    assert by_operator == live(namespace)


def live(namespace: Namespace) -> dict[str, dict[str, Any]]:
    """Every object of a kind that the chart renders, without what may differ."""
    found = {f"{each['kind']} {each['metadata']['name']}": _plain(each) for each in _objects(namespace)}
    if any(each["kind"] == AUTOSCALER.name for each in found.values()):
        # Its count is the autoscaler's, who may have set it already.
        for each in found.values():
            if each["kind"] == DEPLOYMENT.name:
                each["spec"].pop("replicas")
    return found


def owners(namespace: Namespace) -> set[tuple[str, str]]:
    mortal = [each for each in _objects(namespace) if not outlives_its_maker(each)]
    return {(owner["kind"], owner["name"]) for each in mortal for owner in each["metadata"]["ownerReferences"]}


def _objects(namespace: Namespace) -> list[dict[str, Any]]:
    kinds = ",".join(f"{kind.plural}.{kind.group}" if kind.group else kind.plural for kind in CHILD_KINDS)
    found = namespace.get(kinds, "--selector=app.kubernetes.io/name=bge-reranker")["items"]
    # A pod's own volume is its, not the chart's.
    return [each for each in found if each["kind"] != CLAIM.name or "helm.sh/chart" in each["metadata"]["labels"]]


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = copy.deepcopy(body)
    plain.pop("status", None)
    metadata = plain["metadata"]
    for key in OF_THE_MOMENT:
        metadata.pop(key, None)
    for key in OF_OTHERS:
        metadata.get("annotations", {}).pop(key, None)
    if not metadata.get("annotations"):
        metadata.pop("annotations", None)
    metadata["labels"].pop("app.kubernetes.io/managed-by")
    for key in GIVEN_BY_THE_CLUSTER:
        if plain.get("spec", {}).get(key) != "None":
            plain.get("spec", {}).pop(key, None)
    return plain
