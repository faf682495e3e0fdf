"""What is remembered of live objects: the few facts that decisions need, so that thousands fit into little memory."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from .adopt import FULLNAME, INSTANCE, controller_of, outlives_its_maker
from .drift import additions
from .kinds import AUTOSCALER, CLAIM, DEPLOYMENT, REPLICA_SET, RERANKER, Ref
from .resource import Key

_FLEETING = ("resourceVersion", "managedFields", "generation")
"""Metadata that changes without anybody's wish."""

_WITH_STATUS = (AUTOSCALER.name, CLAIM.name, DEPLOYMENT.name)
"""Kinds whose status says how the Reranker is."""

FETCH_STEP = "fetch-model"
"""Init container that fetches the model."""

REVISION = "deployment.kubernetes.io/revision"


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
        spec: Of a claim only.
        status: Of the kinds whose status matters; else empty.
        additions: Who added which fields beside ours.
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

    @classmethod
    def from_body(cls, ref: Ref, body: Mapping[str, Any]) -> Self:
        """Keep what matters of an object."""
        metadata = body["metadata"]
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
            revision=_number((metadata.get("annotations") or {}).get(REVISION, "")),
            replicas=int((body.get("spec") or {}).get("replicas", 0)) if ref.kind_name == DEPLOYMENT.name else 0,
            is_being_deleted="deletionTimestamp" in metadata,
            is_kept=outlives_its_maker(body),
            spec=body["spec"] if ref.kind_name == CLAIM.name else {},
            status=(body.get("status") or {}) if ref.kind_name in _WITH_STATUS else {},
            additions=additions(metadata.get("managedFields") or ()),
        )


def _number(text: str) -> int:
    """A number that anybody may have written as they like; 0 if it is none."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0


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


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod with a scorer's labels.

    Attributes:
        controller_uid: Uid of the ReplicaSet that controls it; empty when none does, whatever its labels say.
        address: Its own; empty while it has none, or when it has its node's.
        incarnation: Changes with each restart of a container.
        conditions: Type to (status, reason, message).
        claims: Names of the volume claims that it mounts, its own included.
        failure: Why the kubelet gave it up, as (reason, message); None while it did not.
        failed_at: When that was, as far as its conditions tell.
        containers: Statuses of init containers and containers, as the kubelet reports them.
        progressed_at: When it last got a step further; empty while it did not.
    """

    name: str
    uid: str
    controller_uid: str
    address: str
    template_hash: str
    incarnation: str
    is_being_deleted: bool
    created: str
    phase: str
    conditions: Mapping[str, tuple[str, str, str]]
    containers: tuple[Mapping[str, Any], ...]
    claims: tuple[str, ...] = ()
    failure: tuple[str, str] | None = None
    failed_at: str = ""
    progressed_at: str = ""

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Keep what matters of a pod."""
        metadata, status = body["metadata"], body.get("status") or {}
        owner = controller_of(body)
        is_replica = owner is not None and owner.get("kind") == REPLICA_SET.name
        conditions = status.get("conditions") or ()
        statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
        containers = [
            {key: each.get(key) for key in ("name", "state", "lastState", "ready", "restartCount")} for each in statuses
        ]
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            controller_uid=owner["uid"] if is_replica and owner else "",
            address="" if (body.get("spec") or {}).get("hostNetwork") else status.get("podIP", ""),
            template_hash=(metadata.get("labels") or {}).get("pod-template-hash", ""),
            incarnation=",".join(str(each.get("containerID")) for each in statuses),
            is_being_deleted="deletionTimestamp" in metadata,
            created=metadata.get("creationTimestamp", ""),
            phase=status.get("phase", ""),
            conditions={
                each["type"]: (each["status"], each.get("reason", ""), each.get("message", "")) for each in conditions
            },
            containers=tuple(containers),
            claims=tuple(_claims(metadata["name"], body.get("spec") or {})),
            failure=_failure(status),
            failed_at=max((str(each.get("lastTransitionTime") or "") for each in conditions), default=""),
            progressed_at=max(_step_times(conditions, statuses), default=""),
        )

    @property
    def is_ready(self) -> bool:
        """Whether it gets requests."""
        return not self.is_being_deleted and self.conditions.get("Ready", ("False",))[0] == "True"

    @property
    def is_over(self) -> bool:
        """Whether it ended for good, and is only left over."""
        return self.phase in {"Failed", "Succeeded"}

    @property
    def is_on_its_way(self) -> bool:
        """Whether it may yet get ready for the first time, or again."""
        return not self.is_ready and not self.is_being_deleted and not self.is_over

    @property
    def is_fetching(self) -> bool:
        """Whether its init step is at the model."""
        return any(each["name"] == FETCH_STEP and "running" in (each.get("state") or {}) for each in self.containers)

    @property
    def steps(self) -> int:
        """How far it is from created to ready, in steps: it has a node, and each container runs or is done."""
        has_node = self.conditions.get("PodScheduled", ("False",))[0] == "True"
        return has_node + sum(_steps(container) for container in self.containers)


def _steps(container: Mapping[str, Any]) -> int:
    state = container.get("state") or {}
    is_done = container.get("ready") or (state.get("terminated") or {"exitCode": 1}).get("exitCode") == 0
    return 2 if is_done else int("running" in state)


def _step_times(conditions: Iterable[Mapping[str, Any]], containers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """When a pod got further; a container that began anew got no further than it was."""
    for condition in conditions:
        if condition["type"] in {"PodScheduled", "Initialized"} and condition["status"] == "True":
            yield str(condition.get("lastTransitionTime") or "")
    for container in containers:
        state = container.get("state") or {}
        ended = state.get("terminated") or {}
        if not container.get("restartCount"):
            yield str((state.get("running") or {}).get("startedAt") or "")
        if ended.get("exitCode") == 0:
            yield str(ended.get("finishedAt") or "")


def _claims(pod: str, spec: Mapping[str, Any]) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        if volume.get("persistentVolumeClaim"):
            yield str(volume["persistentVolumeClaim"]["claimName"])
        elif volume.get("ephemeral"):
            # Kubernetes' own name for the claim of a generic ephemeral volume.
            yield f"{pod}-{volume['name']}"


def _failure(status: Mapping[str, Any]) -> tuple[str, str] | None:
    if status.get("phase") != "Failed":
        return None
    return str(status.get("reason") or ""), str(status.get("message") or "")


@dataclass(frozen=True, slots=True)
class Download:
    """How far the init step of a pod says that it is.

    Attributes:
        total_bytes: 0 where it does not know.
    """

    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What a live scorer says of itself on its management port."""

    name: str
    source: str
    revision: str
    digest: str
    precision: str
    device: str
    pairs_per_second: float
    pair_tokens: int
