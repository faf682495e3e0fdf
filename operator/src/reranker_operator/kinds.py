"""The kinds of object that the chart renders for a Reranker: what is applied, watched, pruned and asked rights for.

A contract test holds this list, the chart's templates and the chart's RBAC together, in both directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typing_extensions import override

GROUP = "bge-reranker.io"
"""API group of the resource, and prefix of its annotations."""


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    Attributes:
        group: API group; empty for the core group.
        version: Version that the chart renders.
        name: CamelCase kind.
        plural: Name in URLs and in RBAC.
        holds_data: Its deletion loses what took long to fetch: kept while its Reranker lives.
        switch: Key of the spec that asks for it, if it comes with another project and may be missing in a cluster.
    """

    group: str
    version: str
    name: str
    plural: str
    holds_data: bool = False
    switch: str = ""

    @property
    def api_version(self) -> str:
        """As in an object's `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version


RERANKER = Kind(GROUP, "v1alpha1", "Reranker", "rerankers")
POD = Kind("", "v1", "Pod", "pods")
EVENT = Kind("", "v1", "Event", "events")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
JOB = Kind("batch", "v1", "Job", "jobs")
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", holds_data=True)
AUTOSCALER = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
SCALED_OBJECT = Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", switch="autoscaling.keda.enabled")
SERVICE = Kind("", "v1", "Service", "services")

CHILD_KINDS = (
    Kind("", "v1", "ServiceAccount", "serviceaccounts"),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    CLAIM,
    SERVICE,
    DEPLOYMENT,
    JOB,
    AUTOSCALER,
    SCALED_OBJECT,
    Kind(
        "http.keda.sh",
        "v1beta1",
        "InterceptorRoute",
        "interceptorroutes",
        switch="autoscaling.keda.interceptor.enabled",
    ),
    Kind("networking.k8s.io", "v1", "Ingress", "ingresses"),
    Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes", switch="httpRoute.enabled"),
    Kind("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors", switch="serviceMonitor.enabled"),
    Kind("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules", switch="prometheusRule.enabled"),
)
"""What the chart may render, claims included though they are never pruned."""

_BY_NAME = {(kind.api_version, kind.name): kind for kind in (RERANKER, POD, REPLICA_SET, EVENT, LEASE, *CHILD_KINDS)}


@dataclass(frozen=True, order=True)
class Ref:
    """Where an object is: kind (as `apiVersion`, `kind`), namespace and name."""

    api_version: str
    kind_name: str
    namespace: str
    name: str

    @property
    def kind(self) -> Kind:
        """The kind, which must be one that is known here."""
        return _BY_NAME[self.api_version, self.kind_name]

    @override
    def __str__(self) -> str:
        return f"{self.kind_name} {self.name}"


def ref_of(body: dict[str, Any]) -> Ref:
    """Where an object with a namespace lies."""
    metadata = body["metadata"]
    return Ref(body["apiVersion"], body["kind"], metadata["namespace"], metadata["name"])


def is_known(ref: Ref) -> bool:
    """Whether it is of a kind that may be applied."""
    return (ref.api_version, ref.kind_name) in _BY_NAME
