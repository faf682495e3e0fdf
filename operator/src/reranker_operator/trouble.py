"""Why a pod is not ready, in words for the person who can mend it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from .clock import seconds_between
from .errors import ended, printable
from .pods import Pod
from .reasons import is_for_a_pod_to_say
from .snapshots import Child
from .spec_keys import with_spec_keys

_IMAGE_REASONS = frozenset("ImagePullBackOff ErrImagePull ErrImageNeverPull RegistryUnavailable".split())
_CONFIG_REASONS = frozenset("CreateContainerConfigError CreateContainerError RunContainerError".split())

BINDING_S = 30.0
"""Time without a node after which a pod is said to wait for its volume, be it in silence or in the scheduler's words: a
class takes a few seconds to make one, which are nobody's to mend."""

REPLACED_WITHIN_S = 60.0
"""Between a pod's failure and the creation of the one that replaces it."""


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


def of_pods(pods: Iterable[Pod], claims: Iterable[Child], now: str) -> Trouble | None:
    """The trouble of the youngest pod that has one: it is of the newest template.

    Args:
        pods: All of the workload.
        claims: Of volumes that all pods share.
        now: RFC 3339.
    """
    pods, claims = tuple(pods), tuple(claims)
    waiting = sorted(
        (pod for pod in pods if not pod.is_ready and not pod.is_being_deleted and not _is_left_over(pod, pods)),
        key=lambda pod: pod.created,
    )
    found = [trouble for pod in waiting if (trouble := of_pod(pod, claims, now)) is not None]
    return found[-1] if found else None


def _is_left_over(pod: Pod, pods: tuple[Pod, ...]) -> bool:
    """Whether a pod that failed says nothing about those that there should be now.

    It does say something while the pod that replaces it, made at once and of the same template, is not ready.
    """
    if pod.failure is None:
        return False
    younger = [each for each in pods if each.created > pod.created and not each.is_being_deleted]
    if not younger:
        return False
    next_one = min(younger, key=lambda each: each.created)
    is_replacement = (
        next_one.template_hash == pod.template_hash
        and seconds_between(pod.failed_at, next_one.created) < REPLACED_WITHIN_S
    )
    return next_one.is_ready or not is_replacement


def of_pod(pod: Pod, claims: Iterable[Child], now: str) -> Trouble | None:
    """Why this pod is not ready, if that is known."""
    if pod.failure is not None:
        return _given_up(pod, *pod.failure)
    scheduled, is_young = pod.conditions.get("PodScheduled"), seconds_between(pod.created, now) <= BINDING_S
    if scheduled is None and not is_young:
        return _overlooked(pod, claims)
    if scheduled is not None and scheduled[0] == "False":
        found = _unscheduled(pod, scheduled[2], claims)
        return None if found.code == "ClaimNotBound" and is_young else found
    for container in pod.containers:
        trouble = _of_container(pod, container)
        if trouble is not None:
            return trouble
    return None


def _given_up(pod: Pod, reason: str, text: str) -> Trouble:
    """The kubelet ended the pod and will not start it again; the Deployment makes another."""
    if reason != "Evicted":
        said = f"The kubelet gave the pod up ({reason or 'no reason'}). {ended(text) if text else ''}".strip()
        return Trouble("PodFailed", f"{said} See `kubectl describe pod {pod.name}` and the node.", pod.name)
    volume = re.search(r'EmptyDir volume "([^"]+)"', text)
    if volume:
        remedy = _VOLUME_REMEDIES.get(volume[1], f"Raise the sizeLimit of {volume[1]} in extraVolumes.")
    elif "memory" in text:
        remedy = "Raise resources.requests.memory to what the pod uses, so that others go first."
    else:
        remedy = (
            "Raise resources.requests and resources.limits of ephemeral-storage, or cache on a volume (cache.type)."
        )
    return Trouble("Evicted", f"The kubelet evicted the pod. {ended(text or reason)} {remedy}", pod.name)


_VOLUME_REMEDIES = {"cache": "Raise cache.size.", "shared-memory": "Raise sharedMemorySize."}
"""For an emptyDir of the chart's that was filled."""


def _overlooked(pod: Pod, claims: Iterable[Child]) -> Trouble:
    """Not scheduled, and nothing said about it: the scheduler waits for a volume, or there is none."""
    if not pod.claims:
        remedy = "See whether the scheduler runs, and schedulerName."
        return Trouble("Unschedulable", f"No scheduler has looked at the pod. {remedy}", pod.name)
    said = " ".join(_unbound(claim) for claim in claims if claim.status.get("phase") != "Bound")
    if not said:
        said = (
            f"Its claims are {', '.join(pod.claims)}. Run `kubectl describe pvc {pod.claims[0]}` for the reason, and "
            "set cache.storageClass to a class that can bind it."
        )
    return Trouble("ClaimNotBound", f"The pod waits for a volume. {said}", pod.name)


def _unscheduled(pod: Pod, text: str, claims: Iterable[Child]) -> Trouble:
    if re.search(r"persistentvolumeclaim|volume node affinity|unbound|binding volumes", text, re.IGNORECASE):
        unbound = [claim for claim in claims if claim.status.get("phase") != "Bound"]
        said = " ".join(_unbound(claim) for claim in unbound) or "Run `kubectl describe pvc` for the reason."
        return Trouble("ClaimNotBound", f"The scheduler says: {ended(text)} {said}", pod.name)
    lacking = re.search(r"Insufficient ([a-z0-9.-]+/[A-Za-z0-9._-]*[A-Za-z0-9])", text)
    remedy = "Add or free a node that has it, or lower resources.requests."
    if "resourceclaim" in text.lower() or "allocate all claims" in text:
        remedy = "Add or free a node whose driver offers such a device, or correct gpu.claimTemplate."
    elif lacking:
        remedy = f"Add or free a node with {lacking[1]}, or set gpu.resource to another resource."
    return Trouble("Unschedulable", f"The scheduler says: {ended(text)} {remedy}", pod.name)


def _unbound(claim: Child) -> str:
    name, modes = claim.spec.get("storageClassName"), ", ".join(claim.spec.get("accessModes") or ())
    if not name:
        return f"Claim {claim.ref.name} has no storage class and the cluster no default one. Set cache.storageClass."
    return (
        f"Claim {claim.ref.name} waits for storage class {name}. See whether `kubectl get storageclass {name}` knows "
        f"it and it offers {modes}; if not, set cache.storageClass to another, or cache.accessMode to what it offers."
    )


def _of_container(pod: Pod, container: Mapping[str, Any]) -> Trouble | None:
    name, state = container["name"], container.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, text = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _IMAGE_REASONS:
        remedy = (
            "Correct image.registry, image.repository and image.tag, or name in image.pullSecrets a Secret that opens "
            "the registry."
        )
        return Trouble("ImagePull", f"{ended(text or reason)} {remedy}", pod.name, name)
    if reason == "InvalidImageName":
        remedy = "Correct image.registry, image.repository and image.tag."
        return Trouble("InvalidImage", f"{ended(text or reason)} {remedy}", pod.name, name)
    if reason in _CONFIG_REASONS:
        remedy = "Create what is missing, or correct its name in secrets or extraEnv."
        return Trouble("ContainerConfig", f"{ended(text or reason)} {remedy}", pod.name, name)
    end = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
    # One that ends well again and again serves no better than one that fails.
    if end and (int(end.get("exitCode", 0)) != 0 or reason == "CrashLoopBackOff"):
        return _ended(pod, name, end)
    return None


def _ended(pod: Pod, container: str, end: Mapping[str, Any]) -> Trouble:
    code = int(end["exitCode"])
    left = _termination_message(end.get("message", ""))
    if left is not None:
        return Trouble(left[0], left[1], pod.name, container, code)
    if end.get("reason") == "OOMKilled":
        remedy = "Raise resources.limits.memory, or serve a smaller or quantised model."
        message = f"The kernel ended {container}, because its memory reached the limit. {remedy}"
        return Trouble("OutOfMemory", message, pod.name, container, code)
    command = f"kubectl logs {pod.name} -c {container} --previous"
    message = f"{container} ended with {code} ({end.get('reason', 'no reason')}). Run `{command}` for the reason."
    return Trouble("ProcessEnded", message, pod.name, container, code)


class _TerminationMessage(BaseModel):
    """What our own process leaves in its termination message; an image of anybody's may leave anything there."""

    model_config = ConfigDict(strict=True)

    code: Annotated[str, StringConstraints(pattern="^[A-Z][A-Za-z0-9]{0,63}$")]
    message: str
    remedy: str | None = None


def _termination_message(message: str) -> tuple[str, str] | None:
    """Code and sentence that our own process left in its termination message; None if another one wrote it."""
    try:
        said = _TerminationMessage.model_validate_json(message)
    except ValidationError:
        return None
    if not is_for_a_pod_to_say(said.code):
        return None
    message, remedy = (printable(text or "").strip() for text in (said.message, said.remedy))
    return said.code, with_spec_keys(f"{ended(message)} {remedy}".strip())
