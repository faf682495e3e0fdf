"""What is remembered of children: the few facts that decisions need, so that thousands fit into little memory. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from .adopt import FULLNAME, INSTANCE, controller_of, is_shadow, outlives_its_maker
from .change_record import RECORD
from .drift import additions
from .kinds import AUTOSCALER, CLAIM, DEPLOYMENT, JOB, RERANKER, SCALED_OBJECT, Ref
from .resource import Key
from .revision import REVISION, number
from .versions import Version, feeds

_FLEETING = ("resourceVersion", "managedFields", "generation")
"""Metadata that changes without anybody's wish."""

_WITH_STATUS = (AUTOSCALER.name, CLAIM.name, DEPLOYMENT.name, JOB.name, SCALED_OBJECT.name)
"""Kinds whose status says how the Reranker is."""

_WITH_SPEC = (AUTOSCALER.name, CLAIM.name, SCALED_OBJECT.name)
"""Kinds of which more than the digest of the spec is needed."""


@dataclass(frozen=True, slots=True)
class Child:
    """An object with our managed-by label.

    Attributes:
        owner_uid: Uid of the Reranker that controls it; empty when none does.
        key: The Reranker that it belongs to by owner or label.
        fullname: Name of the Deployment that it belongs to.
        fingerprint: Of everything but status and what changes by itself.
        version: Resource version, which grows.
        replicas: Of a Deployment, the count that its spec asks for.
        is_kept: It is annotated to outlive its Reranker.
        spec: Of claims and autoscalers; else empty.
        status: Of the kinds whose status matters; else empty.
        additions: Who added which fields beside ours.
        model: Version of a Deployment's pod template; None if it does not say.
        record: What lies on a Deployment about changes of its model.
        is_shadow: It belongs to a version that is compared, and serves nobody.
        feeds: Whether a Deployment's pods feed one while there is one.
    """

    ref: Ref
    key: Key
    uid: str
    owner_uid: str
    fullname: str
    fingerprint: bytes
    version: int
    generation: int
    revision: int
    replicas: int
    is_being_deleted: bool
    is_kept: bool
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    additions: tuple[str, ...] = ()
    model: Version | None = None
    record: str = ""
    is_shadow: bool = False
    feeds: bool = False

    @classmethod
    def from_body(cls, ref: Ref, body: Mapping[str, Any]) -> Self:
        """Keep what matters of an object."""
        metadata = body["metadata"]
        template = (body.get("spec") or {}).get("template") if ref.kind_name == DEPLOYMENT.name else None
        owner, labels = controller_of(body), metadata.get("labels") or {}
        is_ours = owner is not None and owner.get("kind") == RERANKER.name
        name = owner["name"] if is_ours and owner else labels.get(INSTANCE, "")
        return cls(
            ref=ref,
            key=Key(ref.namespace, name),
            uid=metadata["uid"],
            owner_uid=owner["uid"] if is_ours and owner else "",
            fullname=labels.get(FULLNAME, ""),
            fingerprint=fingerprint(body),
            version=int(metadata.get("resourceVersion", 0)),
            generation=int(metadata.get("generation", 0)),
            revision=number((metadata.get("annotations") or {}).get(REVISION, "")),
            replicas=int((body.get("spec") or {}).get("replicas", 0)) if ref.kind_name == DEPLOYMENT.name else 0,
            is_being_deleted="deletionTimestamp" in metadata,
            is_kept=outlives_its_maker(body),
            spec=body["spec"] if ref.kind_name in _WITH_SPEC else {},
            status=(body.get("status") or {}) if ref.kind_name in _WITH_STATUS else {},
            additions=additions(metadata.get("managedFields") or ()),
            model=Version.of_template(template) if template else None,
            record=str((metadata.get("annotations") or {}).get(RECORD, "")) if template else "",
            is_shadow=is_shadow(body),
            feeds=bool(template) and feeds(template or {}),
        )

    @property
    def is_workload(self) -> bool:
        """Whether it is a Deployment whose pods serve."""
        return self.ref.kind_name == DEPLOYMENT.name and not self.is_shadow


def fingerprint(body: Mapping[str, Any]) -> bytes:
    """Equal for two sights of an object that nobody changed in between; its controller's own note is no change."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in _FLEETING}
    metadata["annotations"] = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if key != REVISION
    }
    rest = {key: value for key, value in body.items() if key not in {"metadata", "status", "apiVersion", "kind"}}
    return digest_of([metadata, rest])


def digest_of(value: object) -> bytes:
    """Digest of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """How far a Deployment is, as its controller says."""

    generation: int
    observed_generation: int
    revision: int
    replicas: int
    updated: int
    ready: int
    available: int
    progress_reason: str
    failure_message: str
    progressed_at: str = ""
    """When its controller last saw progress; empty where it does not say."""

    @classmethod
    def of(cls, child: Child) -> Self:
        """Read the status of a Deployment."""
        status = child.status
        conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
        progress, failure = conditions.get("Progressing", {}), conditions.get("ReplicaFailure", {})
        return cls(
            generation=child.generation,
            observed_generation=int(status.get("observedGeneration", 0)),
            revision=child.revision,
            replicas=int(status.get("replicas", 0)),
            updated=int(status.get("updatedReplicas", 0)),
            ready=int(status.get("readyReplicas", 0)),
            available=int(status.get("availableReplicas", 0)),
            progress_reason=progress.get("reason", ""),
            failure_message=failure.get("message", "") if failure.get("status") == "True" else "",
            progressed_at=str(progress.get("lastUpdateTime") or ""),
        )

    @property
    def is_observed(self) -> bool:
        """Whether the status is about the spec as it is."""
        return self.observed_generation >= self.generation

    @property
    def is_stuck(self) -> bool:
        """Whether its controller has given up waiting."""
        return self.progress_reason == "ProgressDeadlineExceeded"

    @property
    def has_served(self) -> bool:
        """Whether its newest pods were all available once."""
        return self.progress_reason == "NewReplicaSetAvailable"

    @property
    def is_paused(self) -> bool:
        """Whether somebody keeps its controller from doing anything."""
        return self.progress_reason == "DeploymentPaused"

    @property
    def is_changing(self) -> bool:
        """Whether a change of an existing pod template is under way; a first creation is none."""
        if not self.is_observed:
            return self.observed_generation > 0
        if self.revision <= 1:
            return False
        return not self.is_stuck and not self.is_paused and not self.has_served

    def is_complete(self, wanted: int) -> bool:
        """Whether the wanted count of the wanted pods is available, and no other pod is left."""
        counts = (self.replicas, self.updated, self.available)
        return self.is_observed and counts == (wanted,) * 3
