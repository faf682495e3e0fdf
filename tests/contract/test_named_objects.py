"""Every field of a Reranker that names an object is decided on: its name has to match a pattern, or why it need not."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from reranker_operator.crd import NARROWED
from reranker_operator.spec_limits import FIELDS, VARIABLE_SOURCES, VOLUME_KINDS
from tests.chart.rendering import CHART, helm, render

GUARDED = {
    "image.pullSecrets[]": "Secret",
    "model.source": "PersistentVolumeClaim",
    "gate.configMap.name": "ConfigMap",
    "cache.existingClaim": "PersistentVolumeClaim",
    "ingress.tls[].secretName": "Secret",
    "secrets.apiKeys.name": "Secret",
    "secrets.internalToken.name": "Secret",
    "secrets.jwtSecret.name": "Secret",
    "secrets.jwks.name": "Secret",
    "secrets.redis.name": "Secret",
    "secrets.tls.name": "Secret",
    "secrets.hubToken.name": "Secret",
    "secrets.registry.name": "Secret",
    "secrets.s3.name": "Secret",
    "secrets.caBundle.name": "Secret",
    "extraEnv[].valueFrom.secretKeyRef.name": "Secret",
    "extraEnv[].valueFrom.configMapKeyRef.name": "ConfigMap",
    "extraVolumes[].secret.secretName": "Secret",
    "extraVolumes[].configMap.name": "ConfigMap",
    "extraVolumes[].persistentVolumeClaim.claimName": "PersistentVolumeClaim",
}
"""What a pod would read through the operator's rights."""

OPEN = {
    "fullnameOverride": "of what is made; an object that is there and somebody else's is left alone (NotOwned)",
    "service.name": "likewise",
    "cache.storageClass": "the cluster offers its classes to all, and quotas bound them",
    "ingress.className": "likewise",
    "priorityClassName": "likewise, but for system-*, which is refused",
    "runtimeClassName": "likewise",
    "gpu.claimTemplate": "its devices count against the namespace's quota, as those of gpu.resource do",
    "schedulerName": "no object; a pod that no scheduler knows waits",
    "httpRoute.parentRefs[].name": "a Gateway says itself whose routes it takes",
    "httpRoute.parentRefs[].namespace": "likewise",
    "networkPolicy.searchNamespaces[]": "who may call its own pods",
    "networkPolicy.monitoringNamespaces[]": "likewise",
    "autoscaling.metrics[]": "an object's metric moves the count of its own pods, and is not shown",
    "affinity": "namespaces whose pods are stayed close to or away from, and nothing else of them",
    "extraVolumeMounts[]": "a volume of the same pod",
}
"""What is named and needs no pattern, and why."""

NO_OBJECT = {
    *("image.registry", "image.repository", "image.tag", "image.digest", "image.pullPolicy"),
    *("model.revision", "model.digest", "gpu.resource", "gpu.tolerations[]"),
    *("gate.goldenSet", "gate.configMap.key", "gate.configMap.sha256", "gate.cutOffs[].name"),
    *("resources.requests.*", "resources.limits.*", "cache.type", "cache.size", "cache.accessMode", "cache.image"),
    *("rollout.mode", "service.type", "service.annotations.*", "service.trafficDistribution"),
    *("nodeSelector.*", "tolerations[]", "topologySpreadConstraints[]"),
    *("autoscaling.backlogSeconds.metric", "autoscaling.backlogSeconds.target", "autoscaling.gpu.metric"),
    *("autoscaling.gpu.target", "autoscaling.behavior", "podDisruptionBudget.maxUnavailable"),
    *("autoscaling.keda.serverAddress", "autoscaling.keda.outsideQuery", "autoscaling.keda.outsideTarget"),
    *("autoscaling.keda.interceptor.scalerAddress", "autoscaling.keda.interceptor.hosts[]"),
    *("prometheusRule.availabilityPercent", "prometheusRule.backlogSeconds", "prometheusRule.labels.*"),
    *("prometheusRule.latency.percent", "prometheusRule.latency.seconds", "prometheusRule.runbookUrl"),
    *("serviceMonitor.interval", "serviceMonitor.labels.*", "networkPolicy.egressCidrs[]"),
    *("ingress.annotations.*", "ingress.hosts[]", "ingress.path", "ingress.tls[].hosts[]"),
    *("httpRoute.parentRefs[].group", "httpRoute.parentRefs[].kind", "httpRoute.parentRefs[].sectionName"),
    *("httpRoute.hostnames[]", "httpRoute.annotations.*"),
    *("secrets.apiKeys.key", "secrets.hubToken.key", "secrets.s3.accessKeyIdKey", "secrets.s3.secretAccessKeyKey"),
    *(
        "secrets.internalToken.key",
        "secrets.caBundle.key",
        "s3.endpoint",
        "s3.region",
        "hub.endpoint",
        "proxy.http",
        "proxy.https",
        "proxy.noProxy",
    ),
    *("secrets.apiKeys.key", "secrets.hubToken.key", "secrets.registry.key"),
    *("secrets.s3.accessKeyIdKey", "secrets.s3.secretAccessKeyKey"),
    *("secrets.jwtSecret.key", "secrets.jwks.key", "secrets.redis.key"),
    *("secrets.caBundle.key", "s3.endpoint", "s3.region", "hub.endpoint", "proxy.http", "proxy.https", "proxy.noProxy"),
    *("sharedMemorySize", "commonLabels.*", "podLabels.*", "podAnnotations.*"),
    *("extraEnv[].name", "extraEnv[].value", "extraEnv[].valueFrom.secretKeyRef.key"),
    *("extraEnv[].valueFrom.configMapKeyRef.key", "extraEnv[].valueFrom.fieldRef"),
    *("extraEnv[].valueFrom.resourceFieldRef", "extraVolumes[].name", "extraVolumes[].emptyDir"),
    *("extraVolumes[].downwardAPI", "extraVolumes[].image", "extraVolumes[].configMap.items[]"),
    "extraVolumes[].secret.items[]",
}
"""Words, quantities, labels, keys within an object that is named elsewhere, and structures that hold no name of one."""


def spec_schema() -> dict[str, Any]:
    definition = yaml.safe_load((CHART / "crds" / "rerankers.yaml").read_text())
    found: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


STRUCTURES = {path for path in (*OPEN, *NO_OBJECT) if path in NARROWED} | {
    *("extraEnv[].valueFrom.fieldRef", "extraEnv[].valueFrom.resourceFieldRef", "extraVolumes[].emptyDir"),
    *("extraVolumes[].downwardAPI", "extraVolumes[].image", "extraVolumes[].configMap.items[]"),
    "extraVolumes[].secret.items[]",
}
"""Whole types of Kubernetes, decided on as such."""


def leaves(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Paths of everything that can hold a word."""
    if path in STRUCTURES:
        yield path
        return
    for name, part in schema.get("properties", {}).items():
        # The service's settings: it has no access to the API server, and so to no object.
        if path or name != "config":
            yield from leaves(part, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from leaves(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield f"{path}.*"
    if schema.get("type") == "string" or "x-kubernetes-int-or-string" in schema:
        yield path


def test_every_field_of_the_spec_is_known_to_name_an_object_or_none() -> None:
    decided = [*GUARDED, *OPEN, *NO_OBJECT]
    assert sorted(leaves(spec_schema())) == sorted(decided)


def test_no_part_of_a_reranker_takes_anything() -> None:
    """Else a thousand objects in each other would end every parser that lists Rerankers."""
    assert "x-kubernetes-preserve-unknown-fields" not in (CHART / "crds" / "rerankers.yaml").read_text()


def test_the_operator_guards_these_fields_and_no_others() -> None:
    assert {field.path: field.kind.noun for field in FIELDS} == GUARDED


def test_kinds_of_volumes_and_variables_are_those_of_the_crd() -> None:
    properties = spec_schema()["properties"]
    volume = properties["extraVolumes"]["items"]
    source = properties["extraEnv"]["items"]["properties"]["valueFrom"]
    assert volume["properties"].keys() - {"name"} == set(VOLUME_KINDS)
    assert source["properties"].keys() == set(VARIABLE_SOURCES)
    for schema, kinds in ((volume, VOLUME_KINDS), (source, VARIABLE_SOURCES)):
        (rule,) = schema["x-kubernetes-validations"]
        assert all(f"has(self.{kind})" in rule["rule"] for kind in kinds)
        assert ", ".join(kinds) in rule["message"]


NAMING = {
    *("secretName", "claimName", "serviceAccountName", "priorityClassName", "runtimeClassName", "schedulerName"),
    *("storageClassName", "ingressClassName", "secretKeyRef", "configMapKeyRef", "configMap", "imagePullSecrets"),
    *("parentRefs", "nodePublishSecretRef", "secret", "secretRef", "dataSource", "volumeName", "envFrom"),
}
"""Keys of rendered objects below which the name of another object stands."""


def named(part: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Key and name of every object that a rendered one names."""
    if isinstance(part, dict):
        for inner, value in part.items():
            yield from named(value, key if inner in {"name", "namespace"} else inner)
    elif isinstance(part, list):
        for each in part:
            yield from named(each, key)
    elif key in NAMING and isinstance(part, str):
        yield key, part


def everything() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((CHART / "ci" / "everything-values.yaml").read_text())
    for key in ("extraContainers", "extraInitContainers", "extraObjects", "serviceAccount"):
        del values[key]
    values["extraEnv"] = [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "k"}}},
        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "k"}}},
    ]
    values["extraVolumes"] = [
        {"name": "a", "secret": {"secretName": "x"}},
        {"name": "b", "configMap": {"name": "x"}},
        {"name": "c", "persistentVolumeClaim": {"claimName": "x"}},
    ]
    values["extraVolumeMounts"] = []
    return values


def set_at(part: Any, path: str, value: str) -> None:
    """Put a value at a path, in every member of its lists."""
    step, _, rest = path.partition(".")
    name, is_list = step.removesuffix("[]"), step.endswith("[]")
    if not rest:
        part[name] = [value] if is_list else value
        return
    inner = part.setdefault(name, {})
    for each in inner if is_list else [inner]:
        if not is_list or has_at(each, rest):
            set_at(each, rest, value)


def has_at(part: Any, path: str) -> bool:
    """Whether there is something at a path without lists."""
    for step in path.split("."):
        if step not in part:
            return False
        part = part[step]
    return True


PLACES = {
    "secrets.registry.name": {
        "model": {"source": "oci://registry.example/models/reranker", "revision": ""},
        "cache": {"type": "ephemeral"},
    },
    "model.source": {"model": {"revision": ""}, "cache": {"type": "ephemeral"}},
    "cache.existingClaim": {"cache": {"type": "existing", "storageClass": "", "existingClaim": "x"}},
}
"""What else a field needs to be rendered."""


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_each_guarded_field_gets_into_the_objects_as_the_name_of_one(field: Any) -> None:
    helm("version")
    values = everything()
    for group, changes in PLACES.get(field.path, {}).items():
        values[group] |= changes
    set_at(values, field.path, f"{field.scheme}the-name")
    found = {name for body in render(values).objects for _, name in named(body)}
    assert "the-name" in found


@pytest.mark.parametrize(
    "place",
    [
        {},
        PLACES["cache.existingClaim"],
        PLACES["secrets.registry.name"],
        {"model": {"source": "pvc://x/y", "revision": ""}},
    ],
)
def test_every_name_in_the_objects_comes_from_a_field_that_was_decided_on(place: dict[str, Any]) -> None:
    """Each field has a value of its own, so that a name in the objects tells where it is from."""
    helm("version")
    values = copy.deepcopy(everything())
    for group, changes in place.items():
        values[group] |= changes
    for number, path in enumerate(sorted({*GUARDED, *OPEN} - STRUCTURES)):
        if path == "model.source" and not values["model"]["source"].startswith("pvc://"):
            continue
        if path == "cache.existingClaim" and values["cache"]["type"] != "existing":
            continue
        set_at(values, path, f"{'pvc://' if path == 'model.source' else ''}decided-{number}")
    foreign = {
        (key, name) for body in render(values).objects for key, name in named(body) if not name.startswith("decided-")
    }
    assert foreign == set()
