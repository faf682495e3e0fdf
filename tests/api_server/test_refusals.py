"""Specs that cannot be: who refuses them, in what words, and what stays as it was."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from reranker_operator.errors import NotAllowed
from reranker_operator.kinds import RERANKER
from reranker_operator.spec_limits import FIELDS, AllowedNames
from tests.attacks.rerankers import ALLOWED, REFUSED
from tests.cluster.commands import run
from tests.cluster.tools import HELM
from tests.control_plane.operators import CHART
from tests.e2e.kubernetes import Namespace, wait_until
from tests.e2e.operated import Operated

pytestmark = pytest.mark.usefixtures("working")


def test_a_null_in_the_spec_is_as_good_as_nothing(products: Operated) -> None:
    products.apply(config={"text": {"maxQueryTokens": None, "windowOverlapTokens": None}})
    products.await_ready()


def test_a_combination_that_only_the_chart_knows_to_be_impossible_is_quoted(products: Operated) -> None:
    products.apply()
    products.await_ready()
    before = products.get("deployment")["spec"]
    products.apply(config={"model": {"device": "cuda"}})
    said = products.await_reason("Ready", "InvalidSpec", 60)
    assert (
        "config.model.device is cuda and gpu.count is 0, so the pod has no GPU. Set gpu.count to 1" in said["message"]
    )
    assert products.condition("Stalled")["status"] == "True"
    assert products.get("deployment")["spec"] == before


LIMIT_RANGE = {
    "kind": "LimitRange",
    "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
}
PODS_QUOTA = {"kind": "ResourceQuota", "spec": {"hard": {"requests.memory": "64Mi"}}}
OBJECTS_QUOTA = {"kind": "ResourceQuota", "spec": {"hard": {"count/deployments.apps": "0"}}}


def limit(namespace: Namespace, body: dict[str, Any]) -> None:
    namespace.create({"apiVersion": "v1", "metadata": {"name": "limit"}, **body})
    if body["kind"] == "ResourceQuota":
        wait_until(lambda: "status" in namespace.get("resourcequota", "limit"), "the quota is reckoned", 60)


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (LIMIT_RANGE, "PodsRefused", "maximum memory usage per Container is 64Mi"),
        (PODS_QUOTA, "PodsRefused", "exceeded quota: limit, requested: requests.memory=256Mi"),
        (OBJECTS_QUOTA, "RefusedByCluster", "exceeded quota: limit, requested: count/deployments.apps=1"),
    ],
)
def test_quota_and_limit_range_are_quoted(products: Operated, body: dict[str, Any], reason: str, words: str) -> None:
    limit(products.namespace, body)
    products.apply()
    said = products.await_reason("Ready", reason, 60)
    assert words in said["message"]
    assert products.condition("Stalled")["status"] == "True"
    products.namespace.kubectl("delete", body["kind"], "limit")
    products.await_ready()
    assert products.condition("Stalled")["status"] == "False"
    assert "lastFailure" not in products.get()["status"]


@pytest.mark.parametrize("body", [LIMIT_RANGE, PODS_QUOTA])
def test_a_workload_goes_on_when_its_successor_is_refused(products: Operated, body: dict[str, Any]) -> None:
    products.apply()
    products.await_ready()
    pods = {pod["metadata"]["uid"] for pod in products.namespace.get("pods")["items"]}
    limit(products.namespace, body)
    products.apply(podAnnotations={"second": "yes"})
    products.await_reason("Ready", "PodsRefused", 60)
    assert products.condition("Available")["status"] == "True"
    assert {pod["metadata"]["uid"] for pod in products.namespace.get("pods")["items"]} == pods
    products.namespace.kubectl("delete", body["kind"], "limit")
    products.await_ready()


def test_admission_is_quoted_and_the_workload_goes_on(products: Operated) -> None:
    products.apply()
    products.await_ready()
    pods = {pod["metadata"]["uid"] for pod in products.namespace.get("pods")["items"]}
    with no_second_pods(products.namespace):
        products.apply(podAnnotations={"second": "yes"})
        said = products.await_reason("Ready", "PodsRefused", 60)
        assert "no second pods here" in said["message"]
        assert {pod["metadata"]["uid"] for pod in products.namespace.get("pods")["items"]} == pods
    products.apply()
    products.await_ready()


@contextmanager
def no_second_pods(namespace: Namespace) -> Iterator[None]:
    """A policy that refuses some pods of the namespace, in force."""
    group = "admissionregistration.k8s.io/v1"
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    where = {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}}
    validation = {
        "expression": "!('second' in object.metadata.?annotations.orValue({}))",
        "message": "no second pods here",
    }
    policy = {"matchConstraints": {"namespaceSelector": where, "resourceRules": rules}, "validations": [validation]}
    binding = {"policyName": namespace.name, "validationActions": ["Deny"]}
    for kind, spec in (("ValidatingAdmissionPolicy", policy), ("ValidatingAdmissionPolicyBinding", binding)):
        namespace.create({"apiVersion": group, "kind": kind, "metadata": {"name": namespace.name}, "spec": spec})
    try:
        template = namespace.get("deployment", "products")["spec"]["template"]
        metadata = {"name": "second", "annotations": {"second": "yes"}}
        pod = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
        wait_until(
            lambda: "no second pods here" in tried(namespace, "create", "--filename=-", text_input=pod),
            "the policy is in force",
            60,
        )
        yield
    finally:
        for kind in ("validatingadmissionpolicy", "validatingadmissionpolicybinding"):
            namespace.kubectl("delete", kind, namespace.name)


def tried(namespace: Namespace, *arguments: str, text_input: str = "") -> str:
    """What kubectl says of an attempt that changes nothing."""
    command = namespace.cluster.command(f"--namespace={namespace.name}", *arguments, "--dry-run=server")
    done = subprocess.run(command, input=text_input, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


TOO_MUCH: dict[str, tuple[dict[str, Any], str]] = {
    "hostPath": ({"extraVolumes": [{"name": "x", "hostPath": {"path": "/"}}]}, "may only have configMap, downwardAPI"),
    "token": ({"extraVolumes": [{"name": "x", "projected": {"sources": []}}]}, "may only have configMap, downwardAPI"),
    "both": ({"extraVolumes": [{"name": "x", "emptyDir": {}, "image": {"reference": "a"}}]}, "one at a time"),
    "nothing": ({"extraVolumes": [{"name": "x"}]}, "may only have configMap, downwardAPI"),
    "variable": (
        {"extraEnv": [{"name": "A", "valueFrom": {"fileKeyRef": {"volumeName": "x"}}}]},
        "may only have configMapKeyRef, fieldRef",
    ),
    "priority": ({"priorityClassName": "system-node-critical"}, "is for the cluster's own pods"),
}


@pytest.mark.parametrize(("spec", "words"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_a_reranker_may_not_have_is_refused_even_where_unknown_fields_are_dropped(
    products: Operated, spec: dict[str, Any], words: str
) -> None:
    assert words in attempt(products.namespace, spec)


def attempt(namespace: Namespace, spec: dict[str, Any], validate: str = "ignore") -> str:
    """What the API server says of a Reranker, in whose spec it ignores what it does not know, or not (`strict`)."""
    body = {"apiVersion": RERANKER.api_version, "kind": RERANKER.name, "metadata": {"name": "products"}, "spec": spec}
    return tried(namespace, "create", f"--validate={validate}", "--filename=-", text_input=json.dumps(body))


def test_a_name_that_it_may_not_give_changes_nothing_of_a_live_workload(products: Operated) -> None:
    products.apply()
    products.await_ready()
    before = products.get("deployment")["spec"]
    products.apply(extraVolumes=[{"name": "x", "secret": {"secretName": "payments"}}], replicas=1)
    said = products.await_reason("Ready", "NotAllowed", 60)
    assert "extraVolumes[].secret.secretName is payments" in said["message"]
    assert products.condition("Stalled")["status"] == "True"
    assert products.get("deployment")["spec"] == before


@contextmanager
def admission_policy(namespace: Namespace) -> Iterator[None]:
    """The chart's policy for the namespace, in force."""
    values = "--set=scorer.enabled=false,operator.admissionPolicy.enabled=true"
    arguments = ["template", "operator", str(CHART), f"--namespace={namespace.name}", values]
    text = run([str(HELM.program()), *arguments, "--show-only=templates/operator/admissionpolicy.yaml"])
    namespace.kubectl("apply", "--filename=-", text_input=text)
    try:
        spec = {"image": {"pullSecrets": ["payments"]}}
        wait_until(lambda: "may only name" in attempt(namespace, spec), "the policy is in force", 60)
        yield
    finally:
        namespace.kubectl("delete", "--filename=-", text_input=text)


def test_the_admission_policy_refuses_what_the_operator_does_in_the_same_words(namespace: Namespace) -> None:
    by_the_policy = []
    with admission_policy(namespace):
        for name, spec in REFUSED.items():
            said = attempt(namespace, spec, validate="strict")
            assert "created" not in said, name
            with pytest.raises(NotAllowed) as ours:
                AllowedNames().check(spec)
            # Kinds of volumes and variables, and what is no name at all, the CRD refuses before.
            if "ValidatingAdmissionPolicy" in said:
                assert ours.value.sentence() in said, name
                by_the_policy.append(name)
        for name, spec in ALLOWED.items():
            assert "created" in attempt(namespace, spec), name
    assert len(by_the_policy) >= len(FIELDS)


def test_the_admission_policy_asks_only_what_a_change_changes(products: Operated) -> None:
    namespace = products.namespace
    products.apply(lifecycle={"suspend": True}, secrets={"hubToken": {"name": "payments"}})
    with admission_policy(namespace):
        namespace.kubectl("label", "reranker/products", "some=label")
        patch = '--patch={"spec": {"replicas": 3}}'
        assert "secrets.hubToken.name is payments" in tried(
            namespace, "patch", "reranker/products", "--type=merge", patch
        )
        products.apply(lifecycle={"suspend": True})
