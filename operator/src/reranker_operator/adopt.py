"""Making rendered objects the resource's own, and refusing objects that are somebody else's. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import FormerChild, KindNotInstalled, NotOwned
from .kinds import DEPLOYMENT, RERANKER, SERVICE, is_known, ref_of
from .resource import Reranker

MANAGER = "reranker-operator"
"""Our field manager, and what `app.kubernetes.io/managed-by` says on our objects."""

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
FULLNAME = "bge-reranker.io/fullname"
"""Label with the name of the Deployment that an object belongs to."""

COMPONENT = "app.kubernetes.io/component"
"""Label with what an object is a part of; `shadow` for what belongs to a version that is only compared."""

RESOURCE_POLICY = "helm.sh/resource-policy"
"""With the value `keep`, the object outlives whatever made it."""

HAND_OVER_TO = "bge-reranker.io/hand-over-to"
"""On a Service of a Helm release: the Reranker that may take it once its own pods answer."""


_FINALIZER_OF_KUBERNETES = re.compile(r"^(foregroundDeletion|orphan|kubernetes)$|kubernetes\.io/|\.k8s\.io/")
"""Finalizers that a cluster's own controllers remove in time."""


def adopt(rendered: Iterable[Mapping[str, Any]], reranker: Reranker) -> list[dict[str, Any]]:
    """Give each object its namespace, its controller and a truthful managed-by; nothing else.

    An object that is to outlive the resource gets no owner, or the garbage collector would take it.

    Raises:
        KindNotInstalled: The chart rendered a kind that this operator does not know.
    """
    return [_adopted(body, reranker) for body in rendered]


def _adopted(body: Mapping[str, Any], reranker: Reranker) -> dict[str, Any]:
    adopted = copy.deepcopy(dict(body))
    metadata = adopted["metadata"]
    metadata["namespace"] = reranker.namespace
    metadata.setdefault("labels", {})[MANAGED_BY] = MANAGER
    if not outlives_its_maker(adopted):
        metadata["ownerReferences"] = [owner_reference(reranker)]
    if not is_known(ref_of(adopted)):
        raise KindNotInstalled(
            f"The chart renders {adopted['kind']} of {adopted['apiVersion']}, which this operator does not apply.",
            remedy="Run the operator and the chart of one version.",
        )
    return adopted


def is_shadow(body: Mapping[str, Any]) -> bool:
    """Whether an object belongs to a version that is compared with the one that serves."""
    return bool((body["metadata"].get("labels") or {}).get(COMPONENT) == "shadow")


def is_workload(body: Mapping[str, Any]) -> bool:
    """Whether an object is the Deployment whose pods serve."""
    return body["kind"] == DEPLOYMENT.name and not is_shadow(body)


def owner_reference(reranker: Reranker) -> dict[str, Any]:
    """What makes the garbage collector delete a child with its Reranker."""
    return {
        "apiVersion": RERANKER.api_version,
        "kind": RERANKER.name,
        "name": reranker.name,
        "uid": reranker.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def outlives_its_maker(body: Mapping[str, Any]) -> bool:
    """Whether it is annotated to be kept."""
    return (body["metadata"].get("annotations") or {}).get(RESOURCE_POLICY) == "keep"


def controller_of(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The owner reference of the object's controller."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def check_ownership(live: Mapping[str, Any], reranker: Reranker) -> None:
    """Let pass what is the resource's, and what is nobody's now and was its or no other Reranker's.

    Raises:
        FormerChild: It belongs to a former Reranker of the same name, which the garbage collector will take.
        NotOwned: It belongs to somebody else.
    """
    owner, manager = controller_of(live), (live["metadata"].get("labels") or {}).get(MANAGED_BY)
    what = f"{live['kind']} {live['metadata']['name']}"
    if owner is None:
        if manager != MANAGER and not is_handed_over(live, reranker):
            whose = f"is managed by {manager}" if manager else "is not managed by this operator"
            raise NotOwned(f"{what} exists and {whose}; it is left as it is.", remedy=_way_out(live, manager))
        _check_keeper(live, what, reranker)
        return
    if owner["uid"] == reranker.uid:
        return
    if owner.get("kind") == RERANKER.name and owner.get("name") == reranker.name:
        raise _former_child(live, what, reranker.name)
    raise NotOwned(
        f"{what} is controlled by {owner['kind']} {owner['name']}; it is left as it is.", remedy=_way_out(live, None)
    )


def _check_keeper(live: Mapping[str, Any], what: str, reranker: Reranker) -> None:
    """Let pass what is kept for this Reranker; two that took one object from each other would do so for ever.

    Raises:
        NotOwned: It is kept for another one, whether or not that is still there.
    """
    keeper = (live["metadata"].get("labels") or {}).get(INSTANCE, reranker.name)
    if keeper == reranker.name or is_handed_over(live, reranker):
        return
    remedy = "Remove that object, or choose another name in fullnameOverride and service.name."
    if live["kind"] == SERVICE.name:
        remedy = (
            f"To take it over, annotate it with {HAND_OVER_TO}={reranker.name}, as {keeper} does by "
            "service.annotations; otherwise remove it, or choose another name in fullnameOverride and service.name."
        )
    raise NotOwned(f"{what} is kept for Reranker {keeper}; it is left as it is.", remedy=remedy)


def _former_child(live: Mapping[str, Any], what: str, name: str) -> FormerChild:
    said = f"{what} of a former Reranker {name} is still being deleted"
    foreign = [each for each in live["metadata"].get("finalizers") or () if not _FINALIZER_OF_KUBERNETES.search(each)]
    if not foreign:
        return FormerChild(f"{said}.")
    whose = ", ".join(foreign)
    return FormerChild(
        f"{said}, and waits for the finalizer {whose}.",
        remedy="See why its controller does not remove it, or remove it from the object.",
        needs_person=True,
    )


def is_handed_over(live: Mapping[str, Any], reranker: Reranker) -> bool:
    """Whether who has the Service lets this Reranker take it, and keeps it from going with the release."""
    annotations = live["metadata"].get("annotations") or {}
    is_for_us = annotations.get(HAND_OVER_TO) == reranker.name and outlives_its_maker(live)
    return live["kind"] == SERVICE.name and controller_of(live) is None and is_for_us


def _way_out(live: Mapping[str, Any], manager: str | None) -> str:
    if manager == "Helm" and live["kind"] == SERVICE.name:
        return (
            f"To take it over, have the release annotate it with {HAND_OVER_TO} and {RESOURCE_POLICY}, as "
            "docs/operator.md tells; otherwise uninstall the release, or choose another fullnameOverride."
        )
    if manager == "Helm":
        return "Uninstall the Helm release that has it, or choose another fullnameOverride."
    return (
        "Remove that object, or choose another name: in fullnameOverride or service.name where they are set, else of "
        "the Reranker."
    )
