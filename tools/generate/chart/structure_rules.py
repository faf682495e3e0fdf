"""What the API server demands of texts and fields in Kubernetes' own types, as data with a sentence each.

Numbers and lists have their bounds in the operator's kubernetes_bounds.yaml, which schema and resource share.
Volumes of single clouds and Windows' options are left to the API server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Test = dict[str, Any]
"""Of an object: `{field, in}`, `{field, given}`, `{field, size}`, `{field, has}` or `{exactlyOne}`; a field may be a
path, and one that is missing is the empty text."""


@dataclass(frozen=True)
class Condition:
    """What fields of one object have to do with each other.

    Attributes:
        then: What has to hold.
        sentence: What is wrong otherwise, and the remedy; it follows the path.
        when: Where it has to hold; everywhere if empty.
    """

    then: Test
    sentence: str
    when: Test | None = None

    def as_data(self) -> dict[str, Any]:
        """As files/rules.json has it."""
        return {**({"when": self.when} if self.when else {}), "then": self.then, "sentence": self.sentence}


@dataclass(frozen=True)
class Structure:
    """Rules of one type.

    Attributes:
        forms: Field to the name of its form; `[]`, `{}` and `{keys}` behind it stand for members, values and keys.
        conditions: Between its fields.
    """

    forms: Mapping[str, str]
    conditions: tuple[Condition, ...] = ()


def _in(field: str, *values: str) -> Test:
    return {"field": field, "in": list(values)}


def _given(field: str) -> Test:
    return {"field": field, "given": True}


def _missing(field: str) -> Test:
    return {"field": field, "given": False}


def _only_with(field: str, other: str, *values: str) -> Condition:
    """A field that means something only beside certain values of another."""
    sentence = f"{field} is only for {other} {' or '.join(values)}. Remove it, or change {other}."
    return Condition(_in(other, *values), sentence, _given(field))


def _exactly_one(*fields: str) -> Condition:
    return Condition({"exactlyOne": list(fields)}, f"it must have one of {', '.join(fields)}. Leave one.")


def _expressions(*, bare: tuple[str, ...], listed: tuple[str, ...]) -> tuple[Condition, ...]:
    """Operators that take values, and those that take none."""
    return (
        Condition(
            _given("values"), f"operator {' and '.join(listed)} need values. List one.", _in("operator", *listed)
        ),
        Condition(
            _missing("values"), f"operator {' and '.join(bare)} take no values. Remove them.", _in("operator", *bare)
        ),
    )


_SELECTOR_OPERATORS = _expressions(bare=("Exists", "DoesNotExist"), listed=("In", "NotIn"))

_METRICS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_TARGETS = {"AverageValue": "averageValue", "Utilization": "averageUtilization", "Value": "value"}


def _target_of(*types: str) -> tuple[Condition, ...]:
    return (
        Condition(_in("target.type", *types), f"target.type must be {' or '.join(types)} for this metric. Correct it."),
        *(
            Condition(_missing(f"target.{field}"), f"target.{field} is not for this metric. Remove it.")
            for name, field in _TARGETS.items()
            if name not in types
        ),
        Condition(
            {"exactlyOne": [f"target.{_TARGETS[name]}" for name in types]},
            f"target must have one of {', '.join(_TARGETS[name] for name in types)}. Leave one.",
        ),
    )


_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")


def _reference(field: str, **forms: str) -> Structure:
    """An object by its name, which the models call optional and the API server does not."""
    return Structure(forms, (Condition(_given(field), f"{field} is missing. Name the object."),))


_KEY_REFERENCE = _reference("name", name="name", key="key")
_RESOURCE_FORMS = {"resource": "containerResource", "divisor": "quantity"}
_DIVISORS = (
    Condition(
        _in("divisor", "", "0", "1", "1m"),
        "the divisor of cpu must be 1 or 1m. Correct it.",
        _in("resource", "limits.cpu", "requests.cpu"),
    ),
    Condition(
        _in("divisor", "", "0", *(f"1{unit}" for unit in ("", *"kMGTPE", *(f"{unit}i" for unit in "KMGTPE")))),
        "the divisor of bytes must be 1 or 1 with a unit, such as 1Mi. Correct it.",
        _in(
            "resource",
            *(f"{kind}.{name}" for kind in ("limits", "requests") for name in ("memory", "ephemeral-storage")),
        ),
    ),
)
_SOURCES = ("configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef")
_PROJECTIONS = ("clusterTrustBundle", "configMap", "downwardAPI", "podCertificate", "secret", "serviceAccountToken")

STRUCTURES: Final[dict[str, Structure]] = {
    "V1Toleration": Structure(
        {"key": "labelNameOrNone", "operator": "tolerationOperator", "effect": "taintEffect", "value": "label"},
        (
            Condition(_in("operator", "Exists"), "without a key, operator must be Exists. Name a key.", _in("key", "")),
            Condition(
                _in("value", ""),
                "operator Exists takes no value. Remove it, or set operator to Equal.",
                _in("operator", "Exists"),
            ),
            _only_with("tolerationSeconds", "effect", "NoExecute"),
        ),
    ),
    "V1NodeSelectorRequirement": Structure(
        {"key": "labelName", "operator": "nodeOperator", "values[]": "label"},
        (
            *_SELECTOR_OPERATORS,
            Condition(
                {"field": "values", "size": 1},
                "operator Gt and Lt take one value. Leave one.",
                _in("operator", "Gt", "Lt"),
            ),
        ),
    ),
    "fieldsOfV1NodeSelectorRequirement": Structure(
        {"key": "nodeField", "operator": "fieldOperator", "values[]": "requiredName"},
        (Condition({"field": "values", "size": 1}, "a field of a node is compared with one value. Leave one."),),
    ),
    "V1LabelSelectorRequirement": Structure(
        {"key": "labelName", "operator": "labelOperator", "values[]": "label"}, _SELECTOR_OPERATORS
    ),
    "V1LabelSelector": Structure({"matchLabels{keys}": "labelName", "matchLabels{}": "label"}),
    "V1PodAffinityTerm": Structure(
        {
            "topologyKey": "labelName",
            "namespaces[]": "namespace",
            "matchLabelKeys[]": "labelName",
            "mismatchLabelKeys[]": "labelName",
        },
        tuple(
            Condition(
                _given("labelSelector"), f"{field} is added to labelSelector, which is missing. Add it.", _given(field)
            )
            for field in ("matchLabelKeys", "mismatchLabelKeys")
        ),
    ),
    "V1TopologySpreadConstraint": Structure(
        {
            "topologyKey": "labelName",
            "whenUnsatisfiable": "unsatisfiable",
            "nodeAffinityPolicy": "nodePolicy",
            "nodeTaintsPolicy": "nodePolicy",
            "matchLabelKeys[]": "labelName",
        },
        (_only_with("minDomains", "whenUnsatisfiable", "DoNotSchedule"),),
    ),
    "V2HPAScalingRules": Structure({"selectPolicy": "selectPolicy", "tolerance": "quantity"}),
    "V2HPAScalingPolicy": Structure({"type": "scalingPolicy"}),
    "V2MetricSpec": Structure(
        {},
        (
            Condition(_in("type", *_METRICS), f"type must be one of {', '.join(_METRICS)}. Correct it."),
            *(
                Condition(_given(field), f"type {name} needs {field}. Add it.", _in("type", name))
                for name, field in _METRICS.items()
            ),
            Condition(
                {"exactlyOne": list(_METRICS.values())}, "a metric has one source, that of its type. Remove the others."
            ),
        ),
    ),
    "V2MetricTarget": Structure({"value": "positiveQuantity", "averageValue": "positiveQuantity"}),
    "V2MetricIdentifier": Structure({"name": "metricName"}),
    "V2ResourceMetricSource": Structure({"name": "anyName"}, _target_of("Utilization", "AverageValue")),
    "V2ContainerResourceMetricSource": Structure(
        {"name": "anyName", "container": "anyName"}, _target_of("Utilization", "AverageValue")
    ),
    "V2PodsMetricSource": Structure({}, _target_of("AverageValue")),
    "V2ObjectMetricSource": Structure({}, _target_of("Value", "AverageValue")),
    "V2ExternalMetricSource": Structure({}, _target_of("Value", "AverageValue")),
    "V2CrossVersionObjectReference": Structure({"kind": "pathSegment", "name": "pathSegment"}),
    "V1IngressTLS": Structure({"hosts[]": "tlsHost", "secretName": "name"}),
    "V1VolumeMount": Structure(
        {
            "subPath": "pathWithin",
            "subPathExpr": "pathWithin",
            "mountPropagation": "mountPropagation",
            "recursiveReadOnly": "recursiveReadOnly",
        },
        (
            Condition(_missing("subPathExpr"), "it has subPath and subPathExpr. Leave one.", _given("subPath")),
            Condition(
                {"field": "readOnly", "in": ["true"]},
                "recursiveReadOnly is only for mounts with readOnly. Set readOnly to true, or remove it.",
                _in("recursiveReadOnly", "IfPossible", "Enabled"),
            ),
            Condition(
                _in("mountPropagation", "", "None"),
                "recursiveReadOnly is only for mounts without mountPropagation. Remove one.",
                _in("recursiveReadOnly", "IfPossible", "Enabled"),
            ),
        ),
    ),
    "V1EnvVar": Structure(
        {"name": "variable"},
        (
            Condition(_missing("valueFrom"), "it has value and valueFrom. Leave one.", _given("value")),
            Condition(
                {"exactlyOne": [f"valueFrom.{source}" for source in _SOURCES]},
                f"valueFrom must have one of {', '.join(_SOURCES)}. Leave one.",
                _given("valueFrom"),
            ),
        ),
    ),
    "V1EnvFromSource": Structure({"prefix": "variableOrNone"}, (_exactly_one("configMapRef", "secretRef"),)),
    "V1ConfigMapEnvSource": _reference("name"),
    "V1SecretEnvSource": _reference("name"),
    "V1ObjectFieldSelector": Structure({"fieldPath": "podField", "apiVersion": "coreVersion"}),
    "fieldRefOfVolume": Structure({"fieldPath": "volumeField", "apiVersion": "coreVersion"}),
    "V1ResourceFieldSelector": Structure(_RESOURCE_FORMS, _DIVISORS),
    "resourceFieldRefOfVolume": Structure(
        _RESOURCE_FORMS,
        (*_DIVISORS, Condition(_given("containerName"), "containerName is missing. Name the container.")),
    ),
    "V1SecretKeySelector": _KEY_REFERENCE,
    "V1ConfigMapKeySelector": _KEY_REFERENCE,
    "V1ConfigMapVolumeSource": _reference("name"),
    "V1SecretVolumeSource": _reference("secretName"),
    "V1PersistentVolumeClaimVolumeSource": Structure({"claimName": "requiredName"}),
    "V1KeyToPath": Structure({"key": "key", "path": "requiredPathWithin"}),
    "V1EmptyDirVolumeSource": Structure({"medium": "medium", "sizeLimit": "quantity"}),
    "V1HostPathVolumeSource": Structure({"path": "hostPath", "type": "hostPathType"}),
    "V1NFSVolumeSource": Structure({"server": "anyName", "path": "absolutePath"}),
    "V1CSIVolumeSource": Structure({"driver": "driver"}),
    "secretOfCsi": _reference("name"),
    "V1EphemeralVolumeSource": Structure(
        {}, (Condition(_given("volumeClaimTemplate"), "volumeClaimTemplate is missing. Give it."),)
    ),
    "V1ImageVolumeSource": Structure({"reference": "requiredImage", "pullPolicy": "pullPolicy"}),
    "V1DownwardAPIVolumeFile": Structure(
        {"path": "requiredPathWithin"}, (_exactly_one("fieldRef", "resourceFieldRef"),)
    ),
    "V1VolumeProjection": Structure({}, (_exactly_one(*_PROJECTIONS),)),
    "V1SecretProjection": _reference("name"),
    "V1ConfigMapProjection": _reference("name"),
    "V1ServiceAccountTokenProjection": Structure({"path": "requiredPathWithin"}),
    "V1ObjectMeta": Structure(
        {"labels{keys}": "labelName", "labels{}": "label", "annotations{keys}": "annotationName"}
    ),
    "V1PersistentVolumeClaimSpec": Structure(
        {
            "accessModes[]": "accessMode",
            "resources.requests.storage": "positiveQuantity",
            "storageClassName": "name",
            "volumeMode": "volumeMode",
        },
        (
            Condition(
                {"field": "accessModes", "size": 1},
                "accessMode ReadWriteOncePod goes with no other. Leave one.",
                {"field": "accessModes", "has": ["ReadWriteOncePod"]},
            ),
            Condition(_given("accessModes"), "accessModes are missing. Give one, such as ReadWriteOnce."),
            Condition(
                _given("resources.requests.storage"), "resources.requests.storage is missing. Give the volume a size."
            ),
        ),
    ),
    "V1Container": Structure(
        {
            "image": "unpadded",
            "imagePullPolicy": "pullPolicy",
            "terminationMessagePolicy": "terminationMessagePolicy",
        },
        (
            *(
                Condition(
                    _in(f"{probe}.successThreshold", "", "0", "1"), f"{probe}.successThreshold must be 1. Remove it."
                )
                for probe in ("livenessProbe", "startupProbe")
            ),
            Condition(
                _missing("readinessProbe.terminationGracePeriodSeconds"),
                "readinessProbe has terminationGracePeriodSeconds, and it ends no container. Remove it.",
            ),
        ),
    ),
    "V1ContainerResizePolicy": Structure({"resourceName": "resizedResource", "restartPolicy": "resizePolicy"}),
    "V1ResourceRequirements": Structure(
        {
            "limits{keys}": "resourceName",
            "limits{}": "quantity",
            "requests{keys}": "resourceName",
            "requests{}": "quantity",
        }
    ),
    "V1ExecAction": Structure({}, (Condition(_given("command"), "command is missing. Give it."),)),
    "V1ContainerPort": Structure({"name": "containerPortName", "protocol": "protocol"}),
    "V1Probe": Structure({}, (_exactly_one(*_HANDLERS),)),
    "V1LifecycleHandler": Structure({}, (_exactly_one("exec", "httpGet", "sleep", "tcpSocket"),)),
    "V1HTTPGetAction": Structure({"port": "portName", "scheme": "scheme"}),
    "V1HTTPHeader": Structure({"name": "headerName"}),
    "V1TCPSocketAction": Structure({"port": "portName"}),
    "V1SeccompProfile": Structure(
        {"type": "profileType", "localhostProfile": "pathWithin"},
        (
            Condition(
                _given("localhostProfile"), "type Localhost needs localhostProfile. Add it.", _in("type", "Localhost")
            ),
            _only_with("localhostProfile", "type", "Localhost"),
        ),
    ),
    "V1AppArmorProfile": Structure(
        {"type": "profileType", "localhostProfile": "unpadded"},
        (
            Condition(
                _given("localhostProfile"), "type Localhost needs localhostProfile. Add it.", _in("type", "Localhost")
            ),
            _only_with("localhostProfile", "type", "Localhost"),
        ),
    ),
    "V1Sysctl": Structure({"name": "sysctl"}),
    "V1PodSecurityContext": Structure(
        {
            "fsGroupChangePolicy": "fsGroupChangePolicy",
            "seLinuxChangePolicy": "seLinuxChangePolicy",
            "supplementalGroupsPolicy": "supplementalGroupsPolicy",
        }
    ),
    "V1SecurityContext": Structure(
        {"procMount": "procMount"},
        (
            Condition(
                _in("allowPrivilegeEscalation", "", "true"),
                "privileged is true, which allowPrivilegeEscalation cannot forbid. Remove one.",
                _in("privileged", "true"),
            ),
            Condition(
                _in("allowPrivilegeEscalation", "", "true"),
                "capabilities.add has SYS_ADMIN, which allowPrivilegeEscalation cannot forbid. Remove one.",
                {"field": "capabilities.add", "has": ["CAP_SYS_ADMIN"]},
            ),
        ),
    ),
}
"""By the name of the type, or the one that `OTHERWISE_NAMED` gives it in some place."""

OTHERWISE_NAMED: Final = {
    ("V1NodeSelectorTerm", "matchFields[]"): "fieldsOfV1NodeSelectorRequirement",
    ("V1DownwardAPIVolumeFile", "fieldRef"): "fieldRefOfVolume",
    ("V1DownwardAPIVolumeFile", "resourceFieldRef"): "resourceFieldRefOfVolume",
    ("V1CSIVolumeSource", "nodePublishSecretRef"): "secretOfCsi",
}
"""Where a type has other rules than elsewhere."""
