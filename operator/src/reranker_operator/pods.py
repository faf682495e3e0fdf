"""What is remembered of pods: how far they are, and what they say of themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from .adopt import controller_of
from .clock import seconds_between
from .kinds import JOB, REPLICA_SET

FETCH_STEP = "fetch-model"
"""Init container that fetches the model."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod with a scorer's labels.

    Attributes:
        controller_uid: Uid of the ReplicaSet or Job that controls it; empty when none does, whatever its labels say.
        address: Its own; empty while it has none, or when it has its node's.
        incarnation: Changes with each restart of a container.
        conditions: Type to (status, reason, message).
        claims: Names of the volume claims that it mounts, its own included.
        failure: Why the kubelet gave it up, as (reason, message); None while it did not.
        failed_at: When that was, as far as its conditions tell.
        containers: Statuses of init containers and containers, as the kubelet reports them.
        progressed_at: When it last got a step further; empty while it did not.
        unscheduled_since: Since when the scheduler has found no node; empty when it has, or did not say.
        start_s: How long it took from its node to ready; None while it is not.
        is_of_a_job: Whether a Job controls it.
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
    unscheduled_since: str = ""
    start_s: float | None = None
    is_of_a_job: bool = False

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Keep what matters of a pod."""
        metadata, status = body["metadata"], body.get("status") or {}
        owner = controller_of(body)
        is_ours = owner is not None and owner.get("kind") in {REPLICA_SET.name, JOB.name}
        conditions = status.get("conditions") or ()
        statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
        containers = [
            {key: each.get(key) for key in ("name", "state", "lastState", "ready", "restartCount")} for each in statuses
        ]
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            controller_uid=owner["uid"] if is_ours and owner else "",
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
            unscheduled_since=_since(conditions, "PodScheduled", "False"),
            start_s=_start_s(conditions),
            is_of_a_job=owner is not None and owner.get("kind") == JOB.name,
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


def _since(conditions: Iterable[Mapping[str, Any]], kind: str, status: str) -> str:
    """When a condition became what it is; empty if it is something else."""
    found = (each for each in conditions if (each["type"], each["status"]) == (kind, status))
    return next((str(each.get("lastTransitionTime") or "") for each in found), "")


def _start_s(conditions: Iterable[Mapping[str, Any]]) -> float | None:
    begun, ready = (_since(conditions, kind, "True") for kind in ("PodScheduled", "Ready"))
    return seconds_between(begun, ready) if begun and ready else None


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
class CutOff:
    """A score below which a search drops documents.

    Attributes:
        equivalent: The score of this version that keeps the same share; None if that was not compared.
    """

    name: str
    score: float
    equivalent: float | None


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What the relevance gate found.

    Attributes:
        hash: Of what it judges by.
        figures: Name and number.
        reference_digest: Of the version that it was compared with; empty if with none.
    """

    hash: str
    verdict: str
    figures: tuple[tuple[str, float], ...] = ()
    cut_offs: tuple[CutOff, ...] = ()
    reference_digest: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a scorer simulated for the load that its settings name; latencies at the rate that keeps the objective."""

    documents: int
    pair_tokens: int
    p95_objective_ms: float
    requests_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class ShadowFacts:
    """How another version compares with the pod's own, on a sample of its requests.

    Attributes:
        digest: Of the other version's model.
        orders: Comparisons that had an order to agree on.
        kendall_tau: Mean agreement of the orders; None without any.
        score_drift: Mean distance of scores; None without a comparison.
    """

    digest: str
    comparisons: int = 0
    orders: int = 0
    kendall_tau: float | None = None
    score_drift: float | None = None


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What a live scorer says of itself on its management port.

    Attributes:
        gate: The verdict on its model; None without a gate.
        expected: For the load that its settings name; None where they name none.
        shadow: What the comparison with another version found; None without one.
    """

    name: str
    source: str
    revision: str
    digest: str
    precision: str
    device: str
    pairs_per_second: float
    pair_tokens: int
    tokens_per_second: float = 0.0
    gate: GateFacts | None = None
    expected: Expected | None = None
    shadow: ShadowFacts | None = None
