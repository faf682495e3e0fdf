"""A Reranker as typed values, and the one place that turns its spec into the chart's values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from .kinds import GROUP, RERANKER, Ref

OVERLAY: Mapping[str, Any] = {"operator": {"enabled": False}, "scorer": {"enabled": True}}
"""What the operator adds to every spec: the chart then renders the scorer alone."""

NOT_VALUES = ("lifecycle",)
"""Keys of the spec that steer the operator and are no values of the chart."""


RETRY = f"{GROUP}/retry"
ROLLBACK = f"{GROUP}/rollback"

LONGEST_ANNOTATION = 1024
"""Most that is read of these two."""


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
        retry: What its annotation says that asks for another try of what failed; another text is another request.
        rollback: The version that its annotation asks for in the place of the spec's.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    is_being_deleted: bool
    retry: str = ""
    rollback: str = ""

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
            retry=str((metadata.get("annotations") or {}).get(RETRY, ""))[:LONGEST_ANNOTATION],
            rollback=str((metadata.get("annotations") or {}).get(ROLLBACK, ""))[:LONGEST_ANNOTATION],
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

    def values(
        self,
        *,
        model: Mapping[str, str] | None = None,
        fetch: Mapping[str, str] | None = None,
        shadow: Mapping[str, str] | None = None,
        mode: str | None = None,
        is_ungated: bool = False,
    ) -> dict[str, Any]:
        """The chart's values: the spec with the overlay on top.

        Args:
            model: The version in the place of the spec's.
            fetch: The version that a Job is to fetch.
            shadow: The version that is to be compared with the serving one.
            mode: How pods are replaced, in the place of the spec's.
            is_ungated: Without the spec's relevance gate.
        """
        left_out = (*NOT_VALUES, *(("gate",) if is_ungated else ()))
        values = {key: value for key, value in self.spec.items() if key not in left_out}
        if model is not None:
            values["model"] = {**(values.get("model") or {}), **model}
        if fetch is not None:
            values["fetch"] = dict(fetch)
        if shadow is not None:
            values["shadow"] = dict(shadow)
        if mode is not None:
            values["rollout"] = {**(values.get("rollout") or {}), "mode": mode}
        return {**values, **OVERLAY}
