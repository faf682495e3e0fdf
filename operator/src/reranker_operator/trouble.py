"""Why a pod is not ready, in words for the person who can mend it. Pure.

What must not be here: how conditions are written; what to do about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from .snapshots import Child, Pod

FINAL_CODES = frozenset(
    "UnknownModel Gated DigestMismatch CorruptFile WrongArchitecture MissingHead UnsafeFormat GateFailed SettingsError"
    " InvalidImage".split()
)
"""Codes that only a change of the spec helps against."""

_IMAGE_REASONS = frozenset("ImagePullBackOff ErrImagePull ErrImageNeverPull RegistryUnavailable".split())
_CONFIG_REASONS = frozenset("CreateContainerConfigError CreateContainerError RunContainerError".split())


@dataclass(frozen=True)
class Trouble:
    """One reason why a pod does not serve.

    Attributes:
        code: CamelCase; our own code where the process left one.
        message: What happened and what to do.
        exit_code: Of the process, if one ended.
    """

    code: str
    message: str
    pod: str
    container: str = ""
    exit_code: int | None = None

    @property
    def is_final(self) -> bool:
        """Whether only a change of the spec helps."""
        return self.code in FINAL_CODES


def of_pods(pods: Iterable[Pod], claims: Iterable[Child]) -> Trouble | None:
    """The trouble of the youngest pod that has one: it is of the newest template."""
    claims = tuple(claims)
    waiting = sorted(
        (pod for pod in pods if not pod.is_ready and not pod.is_being_deleted), key=lambda pod: pod.created
    )
    found = [trouble for pod in waiting if (trouble := of_pod(pod, claims)) is not None]
    return found[-1] if found else None


def of_pod(pod: Pod, claims: Iterable[Child]) -> Trouble | None:
    """Why this pod is not ready, if that is known."""
    scheduled = pod.conditions.get("PodScheduled")
    if scheduled is not None and scheduled[0] == "False":
        return _unscheduled(pod, scheduled[2], claims)
    for container in pod.containers:
        trouble = _of_container(pod, container)
        if trouble is not None:
            return trouble
    return None


def _unscheduled(pod: Pod, words: str, claims: Iterable[Child]) -> Trouble:
    if re.search(r"persistentvolumeclaim|volume node affinity|unbound", words, re.IGNORECASE):
        unbound = [claim for claim in claims if claim.status.get("phase") != "Bound"]
        said = " ".join(_unbound(claim) for claim in unbound) or "See `kubectl describe pvc`."
        return Trouble("ClaimNotBound", f"The scheduler says: {words} {said}", pod.name)
    lacking = re.search(r"Insufficient ([a-z0-9.-]+/[a-z0-9.-]+)", words)
    remedy = "Add or free a node that has it, or lower the request."
    if lacking:
        remedy = f"No node has a free {lacking[1]}: add one, free one, or ask for another resource in the spec."
    return Trouble("Unschedulable", f"The scheduler says: {words} {remedy}", pod.name)


def _unbound(claim: Child) -> str:
    name = claim.spec.get("storageClassName")
    if not name:
        return f"Claim {claim.ref.name} has no storage class and the cluster no default one: set cache.storageClass."
    return (
        f"Claim {claim.ref.name} waits for storage class {name}: see whether `kubectl get storageclass {name}` knows "
        f"it and it offers {', '.join(claim.spec.get('accessModes') or ())}; else set cache.storageClass to another."
    )


def _of_container(pod: Pod, container: Mapping[str, Any]) -> Trouble | None:
    name, state = container["name"], container.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, words = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _IMAGE_REASONS:
        remedy = "Check image.repository and image.tag, and that the nodes may pull it (imagePullSecrets)."
        return Trouble("ImagePull", f"{words or reason} {remedy}", pod.name, name)
    if reason == "InvalidImageName":
        return Trouble("InvalidImage", f"{words} Mend image.repository and image.tag.", pod.name, name)
    if reason in _CONFIG_REASONS:
        remedy = "A Secret, ConfigMap or key that the spec names is missing, or the container cannot be made."
        return Trouble("ContainerConfig", f"{words or reason} {remedy}", pod.name, name)
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
    # One that ends well again and again serves no better than one that fails.
    if ended and (int(ended.get("exitCode", 0)) != 0 or reason == "CrashLoopBackOff"):
        return _ended(pod, name, ended)
    return None


def _ended(pod: Pod, container: str, ended: Mapping[str, Any]) -> Trouble:
    code = int(ended["exitCode"])
    told = _told(ended.get("message", ""))
    if told is not None:
        return Trouble(told[0], told[1], pod.name, container, code)
    if ended.get("reason") == "OOMKilled":
        remedy = "Raise resources.limits.memory, or take a smaller or quantised model."
        return Trouble(
            "OutOfMemory", f"The kernel killed {container} for its memory. {remedy}", pod.name, container, code
        )
    command = f"kubectl logs {pod.name} -c {container} --previous"
    message = f"{container} ended with {code} ({ended.get('reason', 'no reason')}): see `{command}`."
    return Trouble("ProcessEnded", message, pod.name, container, code)


class _Said(BaseModel):
    """What our own process leaves in its termination message; an image of anybody's may leave anything there."""

    model_config = ConfigDict(strict=True)

    code: Annotated[str, StringConstraints(pattern="^[A-Z][A-Za-z0-9]{0,63}$")]
    message: str
    remedy: str | None = None


def _told(message: str) -> tuple[str, str] | None:
    """Code and sentence that our own process left in its termination message; None if another one wrote it."""
    try:
        said = _Said.model_validate_json(message)
    except ValidationError:
        return None
    sentence = f"{said.message} {said.remedy or ''}".strip()
    return said.code, "".join(letter if letter.isprintable() else " " for letter in sentence)
