"""A Reranker as typed values, and the one place that turns its spec into the chart's values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from .kinds import RERANKER, Ref

OVERLAY: Mapping[str, Any] = {"operator": {"enabled": False}, "scorer": {"enabled": True}}
"""What the operator adds to every spec: the chart then renders the scorer alone."""

NOT_VALUES = ("lifecycle",)
"""Keys of the spec that steer the operator and are no values of the chart."""


class Key(NamedTuple):
    """Which Reranker: what work is queued by."""

    namespace: str
    name: str


@dataclass(frozen=True)
class ModelVersion:
    """A model as the spec names it."""

    source: str
    revision: str = ""


@dataclass(frozen=True)
class Reranker:
    """One Reranker at one moment.

    Attributes:
        spec: As the API server keeps it.
        status: As last seen; empty when there is none.
        resource_version: Of that moment.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    is_being_deleted: bool

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Read what the API server sent."""
        metadata = body["metadata"]
        return cls(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=int(metadata.get("generation", 1)),
            resource_version=str(metadata.get("resourceVersion", "")),
            spec=body.get("spec") or {},
            status=body.get("status") or {},
            is_being_deleted="deletionTimestamp" in metadata,
        )

    @property
    def version(self) -> int:
        """Of that moment as a number: the larger is the later."""
        return int(self.resource_version or 0)

    @property
    def key(self) -> Key:
        """What its work is queued by."""
        return Key(self.namespace, self.name)

    @property
    def ref(self) -> Ref:
        """Where it is."""
        return Ref(RERANKER.api_version, RERANKER.name, self.namespace, self.name)

    @property
    def is_suspended(self) -> bool:
        """Whether the operator is to leave everything as it is."""
        return bool((self.spec.get("lifecycle") or {}).get("suspend", False))

    @property
    def is_autoscaled(self) -> bool:
        """Whether the count of replicas is an autoscaler's."""
        return bool((self.spec.get("autoscaling") or {}).get("enabled", False))

    @property
    def model(self) -> ModelVersion:
        """The version that is wanted; empty strings stand for the chart's defaults."""
        model = self.spec.get("model") or {}
        return ModelVersion(str(model.get("source") or ""), str(model.get("revision") or ""))

    def values(self) -> dict[str, Any]:
        """The chart's values: the spec with the overlay on top."""
        spec = {key: value for key, value in self.spec.items() if key not in NOT_VALUES}
        return {**spec, **OVERLAY}
