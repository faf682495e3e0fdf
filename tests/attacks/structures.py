"""Kubernetes' own structures in values, as an API server would refuse them after half of a release was made."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.attacks.attack import Attack
from tests.chart.rendering import Values, refusal

DOMAIN = ".".join(["a" * 60] * 5)
"""Longer than the domain of a label may be."""

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
HTTP = {"httpGet": {"path": "/", "port": 80}}


def toleration(**fields: Any) -> Values:
    return {"tolerations": [fields]}


def node(**expression: Any) -> Values:
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}}


def pods(**term: Any) -> Values:
    return {"affinity": {"podAntiAffinity": {PREFERRED: [{"weight": 1, "podAffinityTerm": term}]}}}


def spread(**fields: Any) -> Values:
    return {"topologySpreadConstraints": [{**SPREAD, **fields}]}


def metric(**fields: Any) -> Values:
    return {"autoscaling": {"enabled": True, "metrics": [fields]}}


def scaling(**fields: Any) -> Values:
    return {"autoscaling": {"enabled": True, "behavior": {"scaleUp": fields}}}


def certificate(**fields: Any) -> Values:
    return {"ingress": {"enabled": True, "hosts": ["a.example"], "tls": [fields]}}


def mount(**fields: Any) -> Values:
    volume = {"name": "v", "emptyDir": {}}
    return {"extraVolumes": [volume], "extraVolumeMounts": [{"name": "v", "mountPath": "/v", **fields}]}


def volume(**fields: Any) -> Values:
    return {"extraVolumes": [{"name": "v", **fields}]}


def variable(**source: Any) -> Values:
    return {"extraEnv": [{"name": "A", "valueFrom": source}]}


def claim(*modes: str, storage: str = "1Gi") -> Values:
    spec = {"accessModes": modes or ("ReadWriteOnce",), "resources": {"requests": {"storage": storage}}}
    return volume(ephemeral={"volumeClaimTemplate": {"spec": spec}})


def container(**fields: Any) -> Values:
    return {"extraContainers": [{"name": "c", "image": "i", **fields}]}


REFUSED: dict[str, tuple[Values, str]] = {
    "a label whose domain is too long": ({"podLabels": {f"{DOMAIN}/a": "b"}}, "podLabels"),
    "a label of a node whose domain is too long": ({"nodeSelector": {f"{DOMAIN}/a": "b"}}, "nodeSelector"),
    "an annotation whose domain is too long": ({"podAnnotations": {f"{DOMAIN}/a": "b"}}, "podAnnotations"),
    "a toleration of nothing": (toleration(), "tolerations[]"),
    "a toleration of everything with a value": (toleration(operator="Exists", key="k", value="v"), "tolerations[]"),
    "a toleration without a key": (toleration(operator="Equal", value="v"), "tolerations[]"),
    "a toleration of an effect that is none": (toleration(key="k", effect="NoWork"), "tolerations[].effect"),
    "a toleration by an operator that is none": (toleration(key="k", operator="Like"), "tolerations[].operator"),
    "a toleration with a domain that is too long": (toleration(key=f"{DOMAIN}/a"), "tolerations[].key"),
    "a toleration for some time of an effect that is at once": (
        toleration(key="k", effect="NoSchedule", tolerationSeconds=5),
        "tolerations[]",
    ),
    "a toleration with a field that is none": (toleration(kee="k"), "/tolerations/0"),
    "a toleration of a number": (toleration(key=5), "/tolerations/0/key"),
    "a node by no value": (node(key="k", operator="In"), "nodeSelectorTerms[].matchExpressions[]"),
    "a node by a value that is not asked": (
        node(key="k", operator="Exists", values=["v"]),
        "nodeSelectorTerms[].matchExpressions[]",
    ),
    "a node above two values": (node(key="k", operator="Gt", values=["1", "2"]), "matchExpressions[]"),
    "a node by an operator that is none": (node(key="k", operator="Near"), "matchExpressions[].operator"),
    "a node of no term": (
        {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}}},
        f"/affinity/nodeAffinity/{REQUIRED}/nodeSelectorTerms",
    ),
    "a preference without weight": (
        {"affinity": {"nodeAffinity": {PREFERRED: [{"weight": 0, "preference": {}}]}}},
        f"/affinity/nodeAffinity/{PREFERRED}/0/weight",
    ),
    "pods nowhere": (pods(topologyKey=""), "podAffinityTerm.topologyKey"),
    "pods of a namespace that is none": (pods(topologyKey="z", namespaces=["A"]), "podAffinityTerm.namespaces"),
    "pods by a label that is none": (
        pods(topologyKey="z", labelSelector={"matchLabels": {"a": "b c"}}),
        "labelSelector.matchLabels",
    ),
    "pods by a template's label alone": (pods(topologyKey="z", matchLabelKeys=["a"]), "podAffinityTerm"),
    "a spread of nothing": (spread(maxSkew=0), "/topologySpreadConstraints/0/maxSkew"),
    "a spread over a key that is none": (spread(topologyKey="a b"), "topologySpreadConstraints[].topologyKey"),
    "a spread that is otherwise": (spread(whenUnsatisfiable="Wait"), "topologySpreadConstraints[].whenUnsatisfiable"),
    "a spread over so many zones, or anyhow": (
        spread(minDomains=2, whenUnsatisfiable="ScheduleAnyway"),
        "topologySpreadConstraints[]",
    ),
    "scaling after an hour": (
        scaling(stabilizationWindowSeconds=3601),
        "/autoscaling/behavior/scaleUp/stabilizationWindowSeconds",
    ),
    "scaling by no policy": (scaling(policies=[]), "/autoscaling/behavior/scaleUp/policies"),
    "scaling by a policy of another kind": (
        scaling(policies=[{"type": "pods", "value": 1, "periodSeconds": 1}]),
        "autoscaling.behavior.scaleUp.policies[].type",
    ),
    "scaling by the mean policy": (scaling(selectPolicy="Mean"), "autoscaling.behavior.scaleUp.selectPolicy"),
    "a metric without its source": (metric(type="Pods"), "autoscaling.metrics[]"),
    "a metric of another kind": (metric(type="pods"), "autoscaling.metrics[]"),
    "a metric of pods with a total": (
        metric(type="Pods", pods={"metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}),
        "autoscaling.metrics[].pods",
    ),
    "a metric of nothing": (
        metric(type="Pods", pods={"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "0"}}),
        "autoscaling.metrics[].pods.target.averageValue",
    ),
    "a certificate for one host without a list": (certificate(hosts="a"), "/ingress/tls/0/hosts"),
    "a certificate for an address": (certificate(hosts=["a.example:443"]), "ingress.tls[].hosts"),
    "a certificate in a Secret that is none": (certificate(secretName="A/B"), "ingress.tls[].secretName"),
    "certificates of a route": ({"httpRoute": {"tls": [{"hosts": "a"}]}}, "/httpRoute"),
    "a gateway by number": ({"httpRoute": {"parentRefs": [{"name": 5}]}}, "/httpRoute/parentRefs/0/name"),
    "a mount that climbs": (mount(subPath="../x"), "extraVolumeMounts[].subPath"),
    "a mount from the top": (mount(subPath="/x"), "extraVolumeMounts[].subPath"),
    "a mount that climbs by a variable": (mount(subPathExpr="a/../$(B)"), "extraVolumeMounts[].subPathExpr"),
    "a mount of two paths": (mount(subPath="a", subPathExpr="b"), "extraVolumeMounts[]"),
    "a mount that is seen elsewhere": (mount(mountPropagation="Some"), "extraVolumeMounts[].mountPropagation"),
    "a node by a value that no label has": (node(key="k", operator="In", values=["a b"]), "matchExpressions[].values"),
    "a volume of a Secret that is not named": (volume(secret={}), "extraVolumes[].secret"),
    "a variable of a Secret that is not named": (variable(secretKeyRef={"key": "k"}), "valueFrom.secretKeyRef"),
    "a gateway of a namespace that is none": (
        {"httpRoute": {"parentRefs": [{"name": "g", "namespace": "A"}]}},
        "/httpRoute/parentRefs/0/namespace",
    ),
    "a Secret without a name": (volume(secret={"secretName": ""}), "extraVolumes[].secret"),
    "a key that climbs": (
        volume(secret={"secretName": "s", "items": [{"key": "k", "path": "../p"}]}),
        "extraVolumes[].secret.items[].path",
    ),
    "a mode that is none": (volume(secret={"secretName": "s", "defaultMode": 512}), "/extraVolumes/0/secret"),
    "a claim without a name": (volume(persistentVolumeClaim={"claimName": ""}), "persistentVolumeClaim.claimName"),
    "a memory of another kind": (volume(emptyDir={"medium": "Paper"}), "extraVolumes[].emptyDir.medium"),
    "a volume of a kind that is none": (volume(hostpath={"path": "/"}), "/extraVolumes/0"),
    "a variable of a field that is none": (
        variable(fieldRef={"fieldPath": "spec.restartPolicy"}),
        "extraEnv[].valueFrom.fieldRef.fieldPath",
    ),
    "a variable of a resource that is none": (
        variable(resourceFieldRef={"resource": "cpu"}),
        "extraEnv[].valueFrom.resourceFieldRef.resource",
    ),
    "a variable of a key that is none": (
        variable(secretKeyRef={"name": "s", "key": "a b"}),
        "extraEnv[].valueFrom.secretKeyRef.key",
    ),
    "a variable of nothing": (variable(secretKeyRef=None), "extraEnv"),
    "a container's variable of nothing": (
        container(env=[{"name": "A", "valueFrom": {"secretKeyRef": None}}]),
        "extraContainers[].env[]",
    ),
    "a variable of a label that is none": (
        variable(fieldRef={"fieldPath": "metadata.labels['a b']"}),
        "extraEnv[].valueFrom.fieldRef.fieldPath",
    ),
    "a variable of CPUs in millions": (
        variable(resourceFieldRef={"resource": "limits.cpu", "divisor": "1M"}),
        "extraEnv[].valueFrom.resourceFieldRef",
    ),
    "a variable of bytes in tens": (
        variable(resourceFieldRef={"resource": "limits.memory", "divisor": 10}),
        "extraEnv[].valueFrom.resourceFieldRef",
    ),
    "a file of a container that is not named": (
        volume(downwardAPI={"items": [{"path": "p", "resourceFieldRef": {"resource": "limits.cpu"}}]}),
        "extraVolumes[].downwardAPI.items[].resourceFieldRef",
    ),
    "a driver's Secret that is not named": (
        volume(csi={"driver": "d", "nodePublishSecretRef": {}}),
        "extraVolumes[].csi.nodePublishSecretRef",
    ),
    "a claim of no size": (claim(storage="0"), "volumeClaimTemplate.spec.resources.requests.storage"),
    "a claim of a size that is none": (claim(storage="big"), "volumeClaimTemplate.spec.resources.requests.storage"),
    "a claim of one pod and of many": (
        claim("ReadWriteOncePod", "ReadWriteMany"),
        "extraVolumes[].ephemeral.volumeClaimTemplate.spec",
    ),
    "a node by a name that is none": (
        {
            "affinity": {
                "nodeAffinity": {
                    REQUIRED: {
                        "nodeSelectorTerms": [
                            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["A b"]}]}
                        ]
                    }
                }
            }
        },
        "matchFields[].values",
    ),
    "a spread twice": ({"topologySpreadConstraints": [SPREAD, SPREAD]}, "topologySpreadConstraints"),
    "a probe of no command": (container(readinessProbe={"exec": {}}), "extraContainers[].readinessProbe.exec"),
    "a probe that must succeed twice": (
        container(livenessProbe={**HTTP, "successThreshold": 2}),
        "extraContainers[]",
    ),
    "a probe of readiness that gives time to end": (
        container(readinessProbe={**HTTP, "terminationGracePeriodSeconds": 1}),
        "extraContainers[]",
    ),
    "a container with an amount that is none": (
        container(resources={"limits": {"cpu": "much"}}),
        "extraContainers[].resources.limits",
    ),
    "a container with a resource that is none": (
        container(resources={"limits": {"gpu": "1"}}),
        "extraContainers[].resources.limits",
    ),
    "a container that is resized somehow": (
        container(resizePolicy=[{"resourceName": "cpu", "restartPolicy": "Perhaps"}]),
        "extraContainers[].resizePolicy[].restartPolicy",
    ),
    "a port without a letter": (
        container(ports=[{"containerPort": 1, "name": "1"}]),
        "extraContainers[].ports[].name",
    ),
    "a port of a name that is too long": (
        container(ports=[{"containerPort": 1, "name": "a" * 16}]),
        "/extraContainers/0/ports/0/name",
    ),
    "a profile that climbs": (
        {"podSecurityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "../a"}}},
        "podSecurityContext.seccompProfile.localhostProfile",
    ),
    "a profile with blanks around it": (
        {"podSecurityContext": {"appArmorProfile": {"type": "Localhost", "localhostProfile": " a"}}},
        "podSecurityContext.appArmorProfile.localhostProfile",
    ),
    "labels of files that change somehow": (
        {"podSecurityContext": {"seLinuxChangePolicy": "Never"}},
        "podSecurityContext.seLinuxChangePolicy",
    ),
    "a route to one gateway twice": (
        {"httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}, {"name": "g"}]}},
        "httpRoute.parentRefs",
    ),
    "a probe of two kinds": (
        container(readinessProbe={**HTTP, "exec": {"command": ["x"]}}),
        "extraContainers[].readinessProbe",
    ),
    "a probe of no port": (container(readinessProbe={"tcpSocket": {"port": 0}}), "/extraContainers/0/readinessProbe"),
    "a probe of a port in quotes": (
        container(readinessProbe={"tcpSocket": {"port": "80"}}),
        "extraContainers[].readinessProbe.tcpSocket.port",
    ),
    "a container in another state": (container(imagePullPolicy="Sometimes"), "extraContainers[].imagePullPolicy"),
    "a container that is misspelt": (container(commands=["x"]), "/extraContainers/0"),
    "pods of nobody": ({"podSecurityContext": {"runAsUser": -1}}, "/podSecurityContext/runAsUser"),
    "pods with a profile of another kind": (
        {"podSecurityContext": {"seccompProfile": {"type": "Default"}}},
        "podSecurityContext.seccompProfile.type",
    ),
    "a container that may all and may nothing": (
        {"containerSecurityContext": {"privileged": True}},
        "containerSecurityContext",
    ),
    "an image whose name is too long": (
        {"image": {"registry": "r" * 200, "repository": "i" * 60}},
        "image.registry, image.repository and image.tag",
    ),
    "a model at a port that is none": ({"model": {"source": "https://host:99999/model.tar.gz"}}, "model.source"),
}
"""By what it is: the values, and the key that the sentence is about, whole or its end."""


def keys_of(values: Values) -> list[str]:
    """The keys that helm's sentences are about."""
    said = refusal(values)
    sentences = [line[2:] for line in said.splitlines() if line.startswith("- ")]
    return re.findall(r"at '([^']+)'", said) or [
        re.split(r"(?::| is| has| must| make) ", sentence)[0] for sentence in sentences
    ]


def launched(values: Values, key: str) -> Callable[[Path], str]:
    """What came of it: the key that was expected, or all that were named instead."""
    return lambda _: key if any(found.endswith(key) or found.startswith(key) for found in keys_of(values)) else "else"


ROWS = tuple(Attack("structure", name, launched(values, key), key) for name, (values, key) in REFUSED.items())
